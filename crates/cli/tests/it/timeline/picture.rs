//! The picture in the terminal.

use std::process::Command;

use tidegate_testkit::run;

use super::{DEADLINE, command, fixture, of_fixture, timeline};
use crate::support::binary;

const FIXTURES: [&str; 3] = ["serial", "parallel", "busy"];

/// Title and chart; the words below are those of the analysis.
fn chart(text: &str) -> String {
    let mut parts = text.splitn(3, "\n\n");
    let head = parts.next().expect("a title");
    let chart = parts.next().expect("a chart");
    format!("{head}\n\n{chart}\n")
}

fn at_width(name: &str, width: usize, arguments: &[&str]) -> String {
    let mut command = command(arguments);
    let finished = run(command.arg(fixture(name)).env("COLUMNS", width.to_string()), DEADLINE);
    finished.success().stdout
}

#[test]
fn few_requests_have_a_line_each_with_their_figures() {
    let serial = chart(&at_width("serial", 80, &[]));
    assert_eq!(serial, include_str!("../../fixtures/timeline/serial-80.txt"));
    let parallel = chart(&at_width("parallel", 80, &["--ascii"]));
    assert_eq!(parallel, include_str!("../../fixtures/timeline/parallel-80-ascii.txt"));
}

#[test]
fn many_requests_have_a_line_per_lane() {
    let busy = chart(&at_width("busy", 200, &[]));
    assert_eq!(busy, include_str!("../../fixtures/timeline/busy-200.txt"));
    let busy = chart(&at_width("busy", 60, &["--ascii"]));
    assert_eq!(busy, include_str!("../../fixtures/timeline/busy-60-ascii.txt"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for name in FIXTURES {
        for width in [60, 80, 200] {
            for arguments in [&[][..], &["--ascii"]] {
                let text = at_width(name, width, arguments);
                for line in text.lines() {
                    let used = line.chars().count();
                    assert!(used <= width, "{name}: {used} of {width} columns: {line}");
                }
                assert_eq!(arguments.is_empty(), !text.is_ascii(), "{name} at {width}");
            }
        }
        // Nobody can draw in less.
        assert_eq!(at_width(name, 20, &[]), at_width(name, 60, &[]));
    }
}

#[test]
fn requests_that_overlap_are_all_seen() {
    let text = of_fixture("parallel", &["--ascii"]);
    let bars = text.lines().filter(|line| line.starts_with("lane ") && line.contains("[="));
    assert_eq!(bars.count(), 8, "{text}");
    // And those that follow at once are not one bar.
    let text = of_fixture("serial", &["--ascii"]);
    let bars: Vec<(usize, usize)> = text
        .lines()
        .filter(|line| line.starts_with("lane "))
        .map(|line| (line.find('[').expect("a begin"), line.find(']').expect("an end")))
        .collect();
    assert_eq!(bars.len(), 8, "{text}");
    assert!(bars.windows(2).all(|pair| pair[0].1 < pair[1].0), "{bars:?}");
}

#[test]
fn the_words_below_are_the_diagnosis_with_evidence_and_advice() {
    let text = of_fixture("serial", &[]);
    let json: serde_json::Value =
        serde_json::from_str(&of_fixture("serial", &["--format", "json"])).expect("JSON");
    // However lines are broken.
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let findings = json["diagnosis"].as_array().expect("an array");
    assert_eq!(findings.len(), 2, "{findings:#?}");
    for finding in findings {
        let cause = finding["cause"].as_str().expect("a cause");
        assert!(text.lines().any(|line| line.starts_with(&format!("{cause}  "))), "{text}");
        assert!(words.contains(finding["advice"].as_str().expect("advice")), "{words}");
        let evidence = finding["evidence"].as_array().expect("an array");
        assert!(!evidence.is_empty(), "{finding:#}");
        for figure in evidence {
            assert!(words.contains(figure["label"].as_str().expect("a label")), "{words}");
        }
    }
    let causes: Vec<_> = findings.iter().map(|finding| &finding["cause"]).collect();
    assert!(causes.contains(&&"serial_uploads".into()), "{causes:?}");
    assert!(text.contains("97.0 % idle: 73.9 ms used over 2.46 s"), "{text}");
    assert!(of_fixture("busy", &[]).contains("the profile was not closed"));
}

#[test]
fn the_locale_decides_on_characters() {
    let path = fixture("parallel");
    let mut plain = command(&[]);
    plain.env_remove("LC_ALL").arg(&path);
    let plain = run(&mut plain, DEADLINE).success().stdout;
    assert!(plain.is_ascii(), "{plain}");
    assert_eq!(plain, of_fixture("parallel", &["--ascii"]));
}

/// Runs the binary on a terminal of 70 columns and 20 lines, and returns what it writes there.
pub(super) fn on_a_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    const SPAWN: &str = "\
import fcntl, os, pty, struct, sys, termios
def read(fd):
    return os.read(fd, 65536)
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 20, 70, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let mut python = Command::new("python3");
    python.args(["-c", SPAWN]).arg(binary()).arg("timeline").args(arguments);
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        python.env_remove(name);
    }
    python.env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color").envs(variables.iter().copied());
    run(&mut python, DEADLINE).success().stdout
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let path = fixture("busy");
    let path = path.to_str().expect("UTF-8");
    let colored = on_a_terminal(&[path], &[]);
    assert!(colored.contains("\u{1b}[31m"), "{colored}");
    let plain = on_a_terminal(&[path], &[("NO_COLOR", "1")]);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let width = plain.lines().map(|line| line.trim_end().chars().count()).max();
    assert_eq!(width, Some(70), "the width is that of the terminal");
    // Not into files and pipes.
    assert!(!timeline(&[path]).success().stdout.contains('\u{1b}'));
}
