//! Figures with units, three digits of them; `-` for what could not be measured.

/// Bytes.
pub(crate) fn bytes(value: Option<f64>) -> String {
    scaled(value, 1e3, &["B", "KB", "MB", "GB", "TB"])
}

/// Nanoseconds.
pub(crate) fn time(value: Option<f64>) -> String {
    scaled(value, 1e3, &["ns", "µs", "ms", "s"])
}

fn scaled(value: Option<f64>, step: f64, units: &[&str]) -> String {
    let Some(mut value) = value else {
        return "-".into();
    };
    let mut units = units.iter().peekable();
    let mut unit = units.next().unwrap_or(&"");
    // From 999.5 on it would be shown as 1000.
    while value >= step - 0.5 && units.peek().is_some() {
        value /= step;
        unit = units.next().unwrap_or(&"");
    }
    format!("{} {unit}", digits(value))
}

/// How many times `small` goes into `large`.
pub(crate) fn ratio(large: Option<f64>, small: Option<f64>) -> String {
    match (large, small) {
        (Some(large), Some(small)) if small > 0.0 => format!("{} x", digits(large / small)),
        _ => "-".into(),
    }
}

/// A whole number.
pub(crate) fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "-".into();
    };
    let plain = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits at least, no more decimals than these take.
fn digits(value: f64) -> String {
    match value {
        v if v >= 99.95 => number(Some(v)),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}
