//! Reads one Rust file far enough to tell code from comments, strings and tests.
//!
//! This is a lexer, not a parser: it knows comments (nested ones too), every kind of string, character literals
//! and lifetimes, and it finds the items that exist only in tests by their attributes. It does not expand macros
//! and does not resolve names.

use std::ops::Range;

/// What a byte of the file belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Code or white space.
    Code,
    /// A comment, doc comments included.
    Comment,
    /// The inside of a string or character literal, quotes included.
    Literal,
}

/// An identifier, a number, `::`, or one other character of punctuation. Literals are no tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    /// The characters of the token. A raw identifier is given without its `r#`.
    pub(crate) text: &'a str,
    /// Byte offset in the file.
    pub(crate) at: usize,
}

impl Token<'_> {
    /// Whether this is an identifier or a keyword.
    pub(crate) fn is_ident(&self) -> bool {
        self.text
            .starts_with(|c: char| c == '_' || c.is_alphabetic())
    }
}

/// A lexed file.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    text: &'a str,
    kinds: Vec<Kind>,
    lines: Vec<usize>,
    /// All tokens, in order.
    pub(crate) tokens: Vec<Token<'a>>,
    /// Byte ranges of the items that exist only in tests.
    tests: Vec<Range<usize>>,
    /// Names of the modules in other files that exist only in tests: `#[cfg(test)] mod tests;`.
    pub(crate) test_modules: Vec<&'a str>,
    /// Whether the whole file says `#![cfg(test)]`.
    pub(crate) all_test: bool,
}

impl<'a> Source<'a> {
    /// Lexes `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        let (kinds, tokens) = lex(text);
        let lines = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(|(_, b)| *b == b'\n')
                    .map(|(i, _)| i + 1),
            )
            .collect();
        let mut source = Source {
            text,
            kinds,
            lines,
            tokens,
            tests: Vec::new(),
            test_modules: Vec::new(),
            all_test: false,
        };
        source.find_tests();
        source
    }

    /// The file as it is.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The line, counted from 1, of a byte offset.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Whether the byte at this offset exists only in tests.
    pub(crate) fn in_test(&self, at: usize) -> bool {
        self.all_test || self.tests.iter().any(|range| range.contains(&at))
    }

    /// The number of lines that hold code outside tests. Comments and blank lines do not count; the lines of a
    /// string do.
    pub(crate) fn code_lines(&self) -> usize {
        let mut last = 0;
        let mut count = 0;
        for (at, byte) in self.text.bytes().enumerate() {
            if byte.is_ascii_whitespace() || self.kinds[at] == Kind::Comment || self.in_test(at) {
                continue;
            }
            let line = self.line(at);
            if line != last {
                last = line;
                count += 1;
            }
        }
        count
    }

    /// Offsets at which `word` stands as a whole word in code or in a comment, but not in a literal.
    pub(crate) fn find_word(&self, word: &str) -> Vec<usize> {
        let part = |c: char| c == '_' || c.is_alphanumeric();
        self.text
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|&at| self.kinds[at] != Kind::Literal)
            .filter(|&at| {
                !self.text[..at].ends_with(part) && !self.text[at + word.len()..].starts_with(part)
            })
            .collect()
    }

    /// Token positions at which the token sequence `pattern` starts.
    pub(crate) fn find_tokens(&self, pattern: &[&str]) -> Vec<usize> {
        (0..self.tokens.len())
            .filter(|&i| self.looks_at(i, pattern))
            .collect()
    }

    /// Whether the tokens from position `i` on are `pattern`.
    pub(crate) fn looks_at(&self, i: usize, pattern: &[&str]) -> bool {
        self.tokens.len() >= i + pattern.len()
            && pattern
                .iter()
                .zip(&self.tokens[i..])
                .all(|(p, t)| *p == t.text)
    }

    /// Whether some attribute `name(…)` mentions `lint`. `inner` asks for `#![…]`, otherwise both forms count.
    /// Gives the offsets of the attributes.
    pub(crate) fn lint_attributes(&self, name: &str, lint: &str, inner: bool) -> Vec<usize> {
        let mut found = Vec::new();
        for i in self.find_tokens(&[name, "("]) {
            let Some(start) = (0..i).rev().find(|&j| self.tokens[j].text == "#") else {
                continue;
            };
            let is_inner = self.looks_at(start, &["#", "!", "["]);
            let open = start + 1 + usize::from(is_inner);
            if !self.looks_at(open, &["["]) || self.close(open) < i || (inner && !is_inner) {
                continue;
            }
            if self.tokens[i + 2..self.close(i + 1)]
                .iter()
                .any(|t| t.text == lint)
            {
                found.push(self.tokens[i].at);
            }
        }
        found
    }

    /// Position of the bracket that closes the one at position `open`, or the end of the file.
    pub(crate) fn close(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for (i, token) in self.tokens.iter().enumerate().skip(open) {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return i;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Fills in `tests`, `test_modules` and `all_test`.
    fn find_tests(&mut self) {
        let mut i = 0;
        while i < self.tokens.len() {
            if self.looks_at(i, &["#", "!", "["]) {
                let end = self.close(i + 2);
                self.all_test |= is_test_attribute(&self.tokens[i + 3..end]);
                i = end + 1;
            } else if self.looks_at(i, &["#", "["]) {
                let end = self.close(i + 1);
                if is_test_attribute(&self.tokens[(i + 2).min(end)..end]) {
                    let last = self.item_end(end + 1);
                    let upto = self
                        .tokens
                        .get(last)
                        .map_or(self.text.len(), |t| t.at + t.text.len());
                    self.tests.push(self.tokens[i].at..upto);
                    if let Some(m) = (end + 1..last)
                        .rev()
                        .find(|&j| self.tokens[j].text == "mod")
                        && last == m + 2
                        && self.looks_at(last, &[";"])
                    {
                        self.test_modules.push(self.tokens[m + 1].text);
                    }
                    i = last + 1;
                } else {
                    i = end + 1;
                }
            } else {
                i += 1;
            }
        }
    }

    /// Position of the last token of the item, field, arm or statement that starts at position `i`.
    fn item_end(&self, mut i: usize) -> usize {
        while self.looks_at(i, &["#", "["]) {
            i = self.close(i + 1) + 1;
        }
        // A generic item has commas in its angle brackets, so only things that are no items end at a comma.
        let mut head = i;
        loop {
            match self.tokens.get(head).map(|t| t.text) {
                Some("pub") if self.looks_at(head + 1, &["("]) => head = self.close(head + 1) + 1,
                Some("pub" | "async" | "unsafe" | "default" | "extern") => head += 1,
                Some("const") if !self.looks_at(head + 2, &[":"]) => head += 1,
                _ => break,
            }
        }
        let word = self.tokens.get(head).map_or("", |t| t.text);
        let braces_end = !matches!(word, "use" | "static" | "const" | "type" | "let")
            || self.looks_at(head + 1, &["{"]);
        let comma_ends = !matches!(
            word,
            "mod"
                | "fn"
                | "impl"
                | "trait"
                | "struct"
                | "enum"
                | "union"
                | "use"
                | "static"
                | "const"
                | "type"
                | "let"
        );
        while i < self.tokens.len() {
            match self.tokens[i].text {
                "{" if braces_end => return self.close(i),
                "(" | "[" | "{" => i = self.close(i),
                ")" | "]" | "}" => return i - 1,
                ";" => return i,
                "," if comma_ends => return i,
                _ => {}
            }
            i += 1;
        }
        i
    }
}

/// Whether the inside of an attribute says that the item exists only in tests: `test`, or a `cfg` that needs `test`.
fn is_test_attribute(tokens: &[Token<'_>]) -> bool {
    match tokens {
        [only] => only.text == "test",
        [cfg, open, inner @ .., _] if cfg.text == "cfg" && open.text == "(" => needs_test(inner),
        _ => false,
    }
}

fn needs_test(predicate: &[Token<'_>]) -> bool {
    match predicate {
        [only] => only.text == "test",
        [all, open, inner @ .., _] if all.text == "all" && open.text == "(" => {
            arguments(inner).any(needs_test)
        }
        [any, open, inner @ .., _] if any.text == "any" && open.text == "(" => {
            arguments(inner).all(|a| a.is_empty() || needs_test(a))
        }
        _ => false,
    }
}

/// Splits at the commas that stand in no bracket.
fn arguments<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t [Token<'a>]> {
    let mut depth = 0i32;
    tokens.split(move |token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0 && token.text == ","
    })
}

fn lex(text: &str) -> (Vec<Kind>, Vec<Token<'_>>) {
    let bytes = text.as_bytes();
    let mut kinds = vec![Kind::Code; bytes.len()];
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let rest = &text[i..];
        let (kind, len) = if rest.starts_with("//") {
            (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Kind::Comment, block_comment(rest))
        } else if let Some(len) = string(rest) {
            (Kind::Literal, len)
        } else if let Some(inside) = rest.strip_prefix('\'') {
            match character(rest) {
                Some(len) => (Kind::Literal, len),
                None => (Kind::Code, 1 + word(inside)),
            }
        } else {
            let skip = if rest.starts_with("r#") && word(&rest[2..]) > 0 {
                2
            } else {
                0
            };
            let len = match word(&rest[skip..]) {
                0 if rest.starts_with("::") => 2,
                0 => rest.chars().next().map_or(1, char::len_utf8),
                len => len,
            };
            let token = &rest[skip..skip + len];
            if !token.trim().is_empty() {
                tokens.push(Token {
                    text: token,
                    at: i + skip,
                });
            }
            (Kind::Code, skip + len)
        };
        kinds[i..i + len].fill(kind);
        i += len;
    }
    (kinds, tokens)
}

/// Length of the identifier or number at the start.
fn word(text: &str) -> usize {
    text.find(|c: char| c != '_' && !c.is_alphanumeric())
        .unwrap_or(text.len())
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut i = 0;
    while i < text.len() {
        let rest = &text.as_bytes()[i..];
        if rest.starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    text.len()
}

/// Length of the string literal at the start, prefix and hashes included.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            let hashes = if prefix.ends_with('r') {
                rest.trim_start_matches('#')
            } else {
                rest
            };
            hashes.starts_with('"')
        })
    });
    let Some(prefix) = prefix else {
        return text
            .strip_prefix('b')
            .filter(|t| t.starts_with('\''))
            .and_then(character)
            .map(|len| len + 1);
    };
    if prefix.ends_with('r') {
        let rest = &text[prefix.len()..];
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let start = prefix.len() + hashes + 1;
        return Some(
            text[start..]
                .find(&end)
                .map_or(text.len(), |at| start + at + end.len()),
        );
    }
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate().skip(prefix.len() + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(i + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// Length of the character literal at the start, or `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
        return chars.find(|(_, c)| *c == '\'').map(|(i, _)| i + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map(|(i, _)| i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        Source::new(text).tokens.iter().map(|t| t.text).collect()
    }

    #[test]
    fn comments_and_literals_are_no_tokens() {
        assert_eq!(words("a /* b /* c */ d */ e // f\n g"), ["a", "e", "g"]);
        assert_eq!(
            words(r##"a "b \" c" r#"d " e"# br"f\" 'g' b'\'' '\u{1F600}' h"##),
            ["a", "h"]
        );
        assert_eq!(
            words("fn f<'a>(x: &'a str) -> r#type {}").last(),
            Some(&"}")
        );
        assert!(words("let c = '\"'; after").contains(&"after"));
        assert!(words("bar\"x\" 'static").contains(&"bar"));
        assert_eq!(words("a::b"), ["a", "::", "b"]);
    }

    #[test]
    fn unfinished_literals_do_not_panic() {
        for text in [
            "\"abc",
            "r#\"abc",
            "/* abc",
            "'",
            "b'",
            "'\\",
            "é'é'é",
            "#[cfg(test)",
            "#[",
            "#![",
            "r#",
        ] {
            Source::new(text).code_lines();
        }
    }

    #[test]
    fn test_items_are_found() {
        let in_test = |text: &str| {
            let source = Source::new(text);
            source.in_test(text.find("HERE").expect("the marker"))
        };
        assert!(in_test("#[cfg(test)] mod t { HERE }"));
        assert!(in_test("#[cfg(all(loom, test))] mod t { HERE }"));
        assert!(in_test("#[cfg(test)] use a::{b, HERE};"));
        assert!(in_test("#[test] #[should_panic] fn f<A, B>() { HERE }"));
        assert!(in_test("#[cfg(test)] pub(crate) const A: [u8; 2] = HERE;"));
        assert!(in_test("#![cfg(test)] HERE"));
        assert!(in_test("struct A { #[cfg(test)] HERE: u8, b: u8 }"));
        assert!(!in_test("struct A { #[cfg(test)] b: u8, HERE: u8 }"));
        assert!(!in_test("#[cfg(test)] mod t { } HERE"));
        assert!(!in_test("#[cfg(test)] const fn f() { } HERE"));
        assert!(!in_test("#[cfg(test)] use a::{b}; HERE"));
        assert!(!in_test("#[cfg(any(test, loom))] mod t { HERE }"));
        assert!(!in_test("#[cfg(not(test))] mod t { HERE }"));
    }

    #[test]
    fn test_files_are_found() {
        let source = Source::new(
            "#[cfg(test)]\nmod tests;\n#[cfg(all(test, loom))] pub(crate) mod models;\nmod real;",
        );
        assert_eq!(source.test_modules, ["tests", "models"]);
    }

    #[test]
    fn lines_of_code_leave_out_comments_blanks_and_tests() {
        let text = "//! doc\n\nfn f() { // why\n    g(\"\n in a string\n\");\n}\n/* more\n*/\n#[cfg(test)]\nmod t {\n}\n";
        assert_eq!(Source::new(text).code_lines(), 5);
    }

    #[test]
    fn lint_attributes_are_found() {
        let found = |text: &str| {
            Source::new(text)
                .lint_attributes("allow", "unsafe_code", false)
                .len()
        };
        assert_eq!(found("#![allow(unsafe_code, reason = \"x\")]"), 1);
        assert_eq!(
            found("#[cfg_attr(loom, allow(dead_code, unsafe_code))] fn f() {}"),
            1
        );
        assert_eq!(
            found("// #![allow(unsafe_code)]\nfn allow(unsafe_code: u8) {}"),
            0
        );
        assert_eq!(found("#[inline] fn f() { allow(unsafe_code) }"), 0);
    }
}
