//! Lists the paths a file names, with `use` trees taken apart and `crate::`, `self::` and `super::` resolved.
//!
//! Names are taken as written: an alias or a re-export hides what is behind it.

use crate::source::Source;

/// A path in the code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path<'a> {
    /// The segments. A path inside the crate starts with `crate`, whatever was written. A glob ends in `*`.
    pub(crate) segments: Vec<&'a str>,
    /// Byte offset of its first segment.
    pub(crate) at: usize,
    /// Whether it is the name of a macro being called.
    pub(crate) is_macro: bool,
}

/// All paths of two or more segments, and all single names in `use`, in a file that is the module `module`
/// (the crate root is the empty path).
pub(crate) fn paths<'a>(source: &Source<'a>, module: &[&'a str]) -> Vec<Path<'a>> {
    let mut walk = Walk {
        source,
        found: Vec::new(),
    };
    let mut inline: Vec<(&str, usize)> = Vec::new();
    let mut i = 0;
    while let Some(token) = source.tokens.get(i) {
        inline.retain(|(_, end)| i < *end);
        if token.text == "mod" && source.looks_at(i + 2, &["{"]) {
            inline.push((source.tokens[i + 1].text, source.close(i + 2)));
            i += 3;
            continue;
        }
        let is_use = i > 0 && source.tokens[i - 1].text == "use";
        let starts = token.is_ident() && (is_use || source.looks_at(i + 1, &["::"]));
        // `pub(in crate::room)` names an ancestor by the language's own rule.
        if !starts || (token.text == "in" || (i > 1 && source.looks_at(i - 2, &["(", "in"]))) {
            i += 1;
            continue;
        }
        let before = walk.found.len();
        let end = walk.tree(i, Vec::new());
        let mut here: Vec<&str> = module.to_vec();
        here.extend(inline.iter().map(|(name, _)| *name));
        for path in &mut walk.found[before..] {
            resolve(path, &here);
        }
        if !is_use
            && walk.found[before..]
                .iter()
                .all(|path| path.segments.len() < 2)
        {
            walk.found.truncate(before); // `Vec::<T>`
        }
        i = end.max(i + 1);
    }
    walk.found
}

struct Walk<'s, 'a> {
    source: &'s Source<'a>,
    found: Vec<Path<'a>>,
}

impl<'a> Walk<'_, 'a> {
    /// Reads the path or `use` tree at position `i`; gives the position after it.
    fn tree(&mut self, mut i: usize, mut segments: Vec<&'a str>) -> usize {
        let source = self.source;
        let at = source.tokens.get(i).map_or(0, |t| t.at);
        while let Some(token) = source.tokens.get(i) {
            if token.text == "{" {
                let end = source.close(i);
                i += 1;
                while i < end {
                    i = self.tree(i, segments.clone());
                    while i < end && source.tokens[i].text != "," {
                        i += 1; // `as name`
                    }
                    i += 1;
                }
                return end + 1;
            }
            if !token.is_ident() && token.text != "*" {
                break;
            }
            segments.push(token.text);
            i += 1;
            let goes_on = source.looks_at(i, &["::"])
                && source
                    .tokens
                    .get(i + 1)
                    .is_some_and(|t| t.is_ident() || t.text == "{" || t.text == "*");
            if !goes_on {
                break;
            }
            i += 1;
        }
        let is_macro = source.looks_at(i, &["!"]) && !source.looks_at(i + 1, &["="]);
        self.found.push(Path {
            segments,
            at,
            is_macro,
        });
        i
    }
}

/// Rewrites a path that starts with `self` or `super` in module `here` so that it starts with `crate`.
fn resolve<'a>(path: &mut Path<'a>, here: &[&'a str]) {
    let mut up = 0;
    let mut rest = path.segments.as_slice();
    match rest.first() {
        Some(&"self") => rest = &rest[1..],
        Some(&"super") => {}
        _ => return,
    }
    while let [first, more @ ..] = rest
        && *first == "super"
    {
        up += 1;
        rest = more;
    }
    let mut absolute = vec!["crate"];
    absolute.extend(&here[..here.len().saturating_sub(up)]);
    absolute.extend(rest);
    path.segments = absolute;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, module: &[&str], expected: &[&str]) {
        let source = Source::new(text);
        let found: Vec<_> = paths(&source, module)
            .iter()
            .map(|p| p.segments.join("::"))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn use_trees_are_taken_apart() {
        check("use crate::g::state;", &["park"], &["crate::g::state"]);
        check(
            "use crate::{g::{self, state as s}, park::*, sched};",
            &["x"],
            &[
                "crate::g::self",
                "crate::g::state",
                "crate::park::*",
                "crate::sched",
            ],
        );
        check(
            "use {std::sync::Arc, loom::cell};",
            &[],
            &["std::sync::Arc", "loom::cell"],
        );
        check("use loom; fn f() { a + b }", &[], &["loom"]);
    }

    #[test]
    fn relative_paths_are_resolved() {
        check("use super::g::x;", &["park"], &["crate::g::x"]);
        check(
            "use super::{waitq, super::g};",
            &["park", "list"],
            &["crate::park::waitq", "crate::g"],
        );
        check(
            "fn f() { super::super::g::x() }",
            &["park", "list"],
            &["crate::g::x"],
        );
        check(
            "mod inner { use super::super::g; } use self::a::b;",
            &["park"],
            &["crate::g", "crate::park::a::b"],
        );
    }

    #[test]
    fn paths_in_expressions_and_macros_are_found() {
        check("$crate::park::ready(x)", &["a"], &["crate::park::ready"]);
        check("Vec::<crate::g::G>::new()", &["a"], &["crate::g::G"]);
        check("::std::sync::Arc::new(1)", &[], &["std::sync::Arc::new"]);
        check("pub(in crate::park) fn f() {}", &["park"], &[]);
        let source = Source::new("crate::fatal!(a); crate::g::x() != b");
        let found = paths(&source, &["park"]);
        assert!(found[0].is_macro);
        assert!(!found[1].is_macro);
    }
}
