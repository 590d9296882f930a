//! Types of replies in TypeScript, for the web page: `ui/src/api/types.gen.ts`.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

use crate::routes::types;

/// Set by `cargo xtask ui`: write the file instead of comparing it.
const WRITE: &str = "TIDEGATE_WRITE_TYPES";

const HEAD: &str =
    "// Types of replies, written by `cargo xtask ui` from those of the server. Do not edit.\n";

/// Declarations by name, with all they refer to.
struct Declarations {
    config: Config,
    seen: HashSet<TypeId>,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // What has a file has a declaration; the others are texts, numbers and lists.
        if T::output_path().is_some() {
            let mut text = T::docs().unwrap_or_default();
            writeln!(text, "export {}", T::decl(&self.config)).expect("a string");
            let before = self.by_name.insert(T::ident(&self.config), text);
            assert_eq!(before, None, "two types are called {}", T::ident(&self.config));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

fn generated() -> String {
    let mut declarations = Declarations {
        // JSON has no others, and counts here stay below 2^53.
        config: Config::new().with_large_int("number"),
        seen: HashSet::new(),
        by_name: BTreeMap::new(),
    };
    types::visit(&mut declarations);
    let mut text = HEAD.to_owned();
    for declaration in declarations.by_name.values() {
        text.push('\n');
        for line in declaration.replace("/**\n * ", "/** ").lines() {
            match line.trim_end() {
                " */" => text.insert_str(text.len() - 1, " */"),
                line => text.extend([line, "\n"]),
            }
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "asked by the task that writes the file")]
fn the_types_of_the_web_page_are_those_of_replies() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/api/types.gen.ts");
    let generated = generated();
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, generated).expect("written");
        return;
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == generated, "the types are out of date: run `cargo xtask ui`");
}
