//! The file format of [speedscope](https://www.speedscope.app): one evented profile for each
//! upload lane and for each task slot, all from zero to the end of the run, in microseconds.
//!
//! ```
//! use tidegate_analysis::export::speedscope;
//! use tidegate_analysis::profile::Profile;
//! let file = r#"{"header":{"format":"tidegate-profile","version":1,"name":"demo","source":"sdk","started_unix_us":0}}
//! {"request":{"number":1,"lane":0,"rows":2,"bytes":512,"sent_bytes":512,"queued_us":0,"start_us":10,"end_us":90,"status":200}}
//! "#;
//! let mut out = Vec::new();
//! speedscope::write(&Profile::read(file.as_bytes())?, &mut out)?;
//! let written: serde_json::Value = serde_json::from_slice(&out)?;
//! assert_eq!(written["profiles"][0]["name"], "upload lane 0");
//! assert_eq!(written["profiles"][0]["events"][1]["at"], 90);
//! assert_eq!(written["shared"]["frames"][0]["name"], "#1 2 rows 512 B 200");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;
use std::io::{self, Write};

use super::{Json, RequestName, SpanName, WAITS, start_us, wait_number};
use crate::profile::{Name, Profile};
use crate::tracks::{Group, Item, Track, Tracks};

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// Writes a profile to `out`, in pieces of 64 KiB.
///
/// # Errors
/// Whatever `out` reports.
pub fn write(profile: &Profile, out: impl Write) -> io::Result<()> {
    let tracks = Tracks::of(profile);
    let frames = Frames::of(profile);
    let bounds = (start_us(profile), profile.wall_us());
    let mut json = Json::new(out);
    json.raw("{\"$schema\":")?;
    json.text(SCHEMA)?;
    json.raw(",\"exporter\":")?;
    json.text(concat!("tidegate ", env!("CARGO_PKG_VERSION")))?;
    json.raw(",\"name\":")?;
    json.text(&profile.header.name)?;
    json.raw(",\"activeProfileIndex\":0,\"profiles\":[")?;
    let mut is_first = true;
    for track in tracks.iter() {
        json.raw(if is_first { "\n" } else { ",\n" })?;
        is_first = false;
        write_track(&mut json, &track, bounds, &frames)?;
    }
    if is_first {
        // Speedscope opens no file without profiles.
        let empty = Track { group: Group::Lanes, number: 0, parallel: 0, items: &[] };
        write_track(&mut json, &empty, bounds, &frames)?;
    }
    json.raw("],\n\"shared\":{\"frames\":[")?;
    frames.write(&mut json)?;
    json.raw("]}}\n")?;
    json.finish()
}

fn write_track<W: Write>(
    json: &mut Json<W>,
    track: &Track<'_>,
    (start_us, end_us): (u64, u64),
    frames: &Frames<'_>,
) -> io::Result<()> {
    json.raw("{\"type\":\"evented\",\"unit\":\"microseconds\",\"name\":")?;
    json.text(track.name())?;
    json.raw(",\"startValue\":")?;
    json.value(start_us)?;
    json.raw(",\"endValue\":")?;
    json.value(end_us.max(start_us))?;
    json.raw(",\"events\":[")?;
    let mut events = Events { json, is_first: true };
    // Frames that are open, with their ends; the innermost last.
    let mut open: Vec<(u64, usize)> = Vec::new();
    for item in track.items {
        while let Some((end, frame)) = open.pop_if(|(end, _)| *end <= item.start_us) {
            events.event("C", frame, end)?;
        }
        let frame = frames.number(item.item);
        events.event("O", frame, item.start_us)?;
        open.push((item.end_us, frame));
    }
    while let Some((end, frame)) = open.pop() {
        events.event("C", frame, end)?;
    }
    json.raw("]}")
}

struct Events<'a, W: Write> {
    json: &'a mut Json<W>,
    is_first: bool,
}

impl<W: Write> Events<'_, W> {
    fn event(&mut self, kind: &str, frame: usize, at_us: u64) -> io::Result<()> {
        let json = &mut *self.json;
        json.raw(if self.is_first { "{\"type\":\"" } else { ",{\"type\":\"" })?;
        self.is_first = false;
        json.raw(kind)?;
        json.raw("\",\"frame\":")?;
        json.value(frame)?;
        json.raw(",\"at\":")?;
        json.value(at_us)?;
        json.raw("}")
    }
}

/// The shared frames: names of spans, each once; names of waits; then one of each request.
struct Frames<'a> {
    profile: &'a Profile,
    names: Vec<SpanName<'a>>,
    numbers: HashMap<(Name, Name), usize>,
}

impl<'a> Frames<'a> {
    fn of(profile: &'a Profile) -> Self {
        let (mut names, mut numbers) = (Vec::new(), HashMap::new());
        for span in &profile.spans {
            numbers.entry((span.name, span.kind)).or_insert_with(|| {
                names.push(SpanName::of(profile, span));
                names.len() - 1
            });
        }
        Self { profile, names, numbers }
    }

    /// Position of the frame in the file.
    fn number(&self, item: Item) -> usize {
        let waits = self.names.len();
        match item {
            Item::Span(position) => {
                let span = &self.profile.spans[position as usize];
                self.numbers.get(&(span.name, span.kind)).copied().unwrap_or_default()
            }
            Item::Wait(position) => waits + wait_number(&self.profile.waits[position as usize]),
            Item::Request(position) => waits + self.waits() + position as usize,
        }
    }

    /// Frames of waits; none without waits.
    fn waits(&self) -> usize {
        if self.profile.waits.is_empty() { 0 } else { WAITS.len() }
    }

    fn write<W: Write>(&self, json: &mut Json<W>) -> io::Result<()> {
        let mut separator = "\n{\"name\":";
        for name in &self.names {
            json.raw(separator)?;
            json.text(name)?;
            separator = "},\n{\"name\":";
        }
        for name in WAITS.iter().take(self.waits()) {
            json.raw(separator)?;
            json.text(name)?;
            separator = "},\n{\"name\":";
        }
        for request in &self.profile.requests {
            json.raw(separator)?;
            json.text(RequestName(request))?;
            separator = "},\n{\"name\":";
        }
        let is_empty = self.names.is_empty() && self.waits() + self.profile.requests.len() == 0;
        json.raw(if is_empty { "" } else { "}" })
    }
}
