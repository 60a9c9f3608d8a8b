//! Just enough JSON to print the figures.

use std::fmt::{self, Write};

/// A JSON value.
pub(crate) enum Json {
    /// Could not be measured here.
    Null,
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl From<Option<f64>> for Json {
    fn from(value: Option<f64>) -> Json {
        value.map_or(Json::Null, Json::Number)
    }
}

impl Json {
    fn write(&self, out: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        match self {
            Json::Null => out.write_str("null"),
            // JSON knows no infinity.
            Json::Number(n) if !n.is_finite() => out.write_str("null"),
            // Counts and bytes are whole; of nanoseconds one decimal means something.
            Json::Number(n) if n.fract() == 0.0 => write!(out, "{n:.0}"),
            Json::Number(n) => write!(out, "{n:.1}"),
            Json::Text(text) => quote(out, text),
            Json::List(items) => {
                let items = items.iter().map(|item| (None, item));
                block(out, '[', ']', items, indent)
            }
            Json::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| (Some(*key), value));
                block(out, '{', '}', fields, indent)
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

fn block<'a>(
    out: &mut fmt::Formatter<'_>,
    open: char,
    close: char,
    items: impl Iterator<Item = (Option<&'a str>, &'a Json)>,
    indent: usize,
) -> fmt::Result {
    out.write_char(open)?;
    for (i, (key, value)) in items.enumerate() {
        out.write_str(if i == 0 { "\n" } else { ",\n" })?;
        write!(out, "{:1$}", "", indent + 2)?;
        if let Some(key) = key {
            quote(out, key)?;
            out.write_str(": ")?;
        }
        value.write(out, indent + 2)?;
    }
    write!(out, "\n{:indent$}{close}", "")
}

fn quote(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            c if c.is_control() => write!(out, "\\u{:04x}", c as u32)?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}
