//! Reads JSON: what cargo prints about its artifacts, and what the examples print about themselves.

/// A JSON value. Numbers are kept as they were written.
#[derive(Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The member `key` of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// The contents of a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of an array.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            _ => &[],
        }
    }
}

/// Reads exactly one value, with white space around it. An error says where it stopped making sense.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        Err(reader.error("something after the value"))
    } else {
        Ok(value)
    }
}

/// Deeper nesting is refused: the reader calls itself.
const MAX_DEPTH: usize = 100;

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, what: &str) -> String {
        let start: String = self.rest().chars().take(30).collect();
        format!("{what} at byte {}: {start:?}", self.at)
    }

    fn space(&mut self) {
        self.at += self.rest().len()
            - self
                .rest()
                .trim_start_matches([' ', '\t', '\r', '\n'])
                .len();
    }

    /// Takes `token`, after white space, if it is there.
    fn take(&mut self, token: &str) -> bool {
        self.space();
        let there = self.rest().starts_with(token);
        self.at += if there { token.len() } else { 0 };
        there
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(self.error("nesting too deep"));
        }
        if self.take("null") {
            return Ok(Value::Null);
        }
        if self.take("true") {
            return Ok(Value::Bool(true));
        }
        if self.take("false") {
            return Ok(Value::Bool(false));
        }
        if self.take("[") {
            let mut items = Vec::new();
            if !self.take("]") {
                loop {
                    items.push(self.value(depth + 1)?);
                    if self.take("]") {
                        break;
                    }
                    self.comma()?;
                }
            }
            return Ok(Value::Array(items));
        }
        if self.take("{") {
            let mut members = Vec::new();
            if !self.take("}") {
                loop {
                    self.space();
                    let key = self.string()?;
                    if !self.take(":") {
                        return Err(self.error("no colon"));
                    }
                    members.push((key, self.value(depth + 1)?));
                    if self.take("}") {
                        break;
                    }
                    self.comma()?;
                }
            }
            return Ok(Value::Object(members));
        }
        if self.rest().starts_with('"') {
            self.string().map(Value::String)
        } else {
            self.number()
        }
    }

    fn comma(&mut self) -> Result<(), String> {
        if self.take(",") {
            Ok(())
        } else {
            Err(self.error("no comma"))
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        let len = self.rest().find(|c| !part(c)).unwrap_or(self.rest().len());
        let text = self.rest()[..len].to_string();
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let whole = digits.split(['.', 'e', 'E']).next().unwrap_or("");
        let plain = digits.starts_with(|c: char| c.is_ascii_digit())
            && !digits.ends_with('.')
            && !digits.contains(".e");
        let no_leading_zero = whole.len() == 1 || !whole.starts_with('0');
        if plain && no_leading_zero && text.parse::<f64>().is_ok() {
            self.at += len;
            return Ok(Value::Number(text));
        }
        Err(self.error("no value"))
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.rest().starts_with('"') {
            return Err(self.error("no string"));
        }
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error("unfinished string"));
            };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                c if c < ' ' => return Err(self.error("control character in a string")),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let Some(c) = self.rest().chars().next() else {
            return Err(self.error("unfinished string"));
        };
        self.at += c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hex()?;
                let code = if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let second = self.hex()?;
                    0x10000 + ((first - 0xD800) << 10) + (second.wrapping_sub(0xDC00) & 0x3FF)
                } else {
                    first
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.error("unknown escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let code = self
            .rest()
            .get(..4)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = code.and_then(|d| u32::from_str_radix(d, 16).ok());
        self.at += if code.is_some() { 4 } else { 0 };
        code.ok_or_else(|| self.error("no four hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let value = parse(
            r#" {"a": [1, -2.5e3, "x\n\u00e9\ud83d\ude00"], "b": {}, "c": null, "d": true} "#,
        )
        .expect("JSON");
        assert_eq!(
            value.get("a").expect("a").items()[1],
            Value::Number("-2.5e3".to_string())
        );
        assert_eq!(
            value.get("a").expect("a").items()[2].as_str(),
            Some("x\né😀")
        );
        assert_eq!(value.get("b"), Some(&Value::Object(Vec::new())));
        assert_eq!(value.get("c"), Some(&Value::Null));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "{",
            "{}{}",
            "{\"a\":1,}",
            "[1,]",
            "{a:1}",
            "nul",
            "01",
            "+1",
            "1.",
            ".5",
            "NaN",
            "inf",
            "\"a",
            "'a'",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "hello\n{}",
            "{} trailing",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&"[".repeat(10_000)).is_err());
    }
}
