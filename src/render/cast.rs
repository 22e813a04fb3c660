//! A terminal session as an asciicast v3: <https://docs.asciinema.org/manual/asciicast/v3>.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// How long one key takes whoever types, at most.
const KEY: Duration = Duration::from_millis(45);
/// How long the keys of one line take together, at most: nobody likes to watch ten flags of helm being typed.
const KEYS: Duration = Duration::from_secs(3);
/// Between the last key of a line and Enter.
const ENTER: Duration = Duration::from_millis(350);
/// Between two lines of output: long enough to be seen coming, short enough for a page of states.
const LINE: Duration = Duration::from_millis(15);

/// A cast under construction.
///
/// Its clock is its own: what is typed comes key by key, output line by line, and [`Cast::pause`] gives time to read. So
/// the same session always makes the same file, and one that took minutes plays in as many seconds.
#[derive(Debug, Clone)]
pub struct Cast {
    lines: String,
    /// What has passed since the last event.
    since: Duration,
}

impl Cast {
    /// An empty session on a terminal of so many columns and rows.
    pub fn new(columns: u16, rows: u16, title: &str) -> Self {
        let term = json!({ "cols": columns, "rows": rows, "type": "xterm-256color" });
        // The version comes first, for readers that look no further.
        let lines = format!("{{\"version\":3,\"term\":{term},\"title\":{}}}\n", Value::from(title));
        Self { lines, since: Duration::ZERO }
    }

    /// The moment of this session in a player's list of chapters; `label` is what it is called there.
    pub fn marker(&mut self, label: &str) {
        self.event("m", label);
    }

    /// Lets time pass.
    pub fn pause(&mut self, time: Duration) {
        self.since += time;
    }

    /// Somebody types a line and presses Enter; `prompt` stands there already when the first key falls.
    pub fn typed(&mut self, prompt: &str, line: &str) {
        self.event("o", prompt);
        self.pause(ENTER);
        let each = line.chars().count().try_into().ok().and_then(|keys| KEYS.checked_div(keys)).unwrap_or(KEY).min(KEY);
        for key in line.chars() {
            self.pause(each);
            let key = if key == '\n' { "\r\n".to_owned() } else { key.to_string() };
            self.event("o", &key);
        }
        self.pause(ENTER);
        self.event("o", "\r\n");
    }

    /// A program writes: escape sequences as they are; a line feed goes back to the first column, as a terminal's line
    /// discipline makes it do.
    pub fn output(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            self.pause(LINE);
            match line.strip_suffix('\n') {
                Some(line) => self.event("o", &format!("{}\r\n", line.trim_end_matches('\r'))),
                None => self.event("o", line),
            }
        }
    }

    /// Clears the screen.
    pub fn clear(&mut self) {
        self.event("o", "\x1b[2J\x1b[H");
    }

    /// The end of the session, with the exit status of what ran in it; gives the file's text.
    pub fn exit(mut self, status: u8) -> String {
        self.event("x", &status.to_string());
        self.lines
    }

    /// Times are differences to the event before, in seconds; whole milliseconds, so that no rounding adds up.
    fn event(&mut self, code: &str, data: &str) {
        let passed = std::mem::take(&mut self.since);
        let millis = passed.as_millis();
        let data = Value::from(data);
        // Writing to a string does not fail.
        let _ = writeln!(self.lines, "[{}.{:03}, \"{code}\", {data}]", millis / 1000, millis % 1000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<(f64, String, String)> {
        let event = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            let text = |at: usize| value[at].as_str().unwrap().to_owned();
            (value[0].as_f64().unwrap(), text(1), text(2))
        };
        text.lines().skip(1).map(event).collect()
    }

    #[test]
    fn the_header_names_the_version_and_the_terminal() {
        let text = Cast::new(80, 24, "\"x\"\n").exit(0);
        let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(header["version"], 3);
        assert_eq!((&header["term"]["cols"], &header["term"]["rows"]), (&json!(80), &json!(24)));
        assert_eq!(header["title"], "\"x\"\n");
    }

    #[test]
    fn keys_come_one_by_one_and_output_line_by_line_and_the_status_last() {
        let mut cast = Cast::new(80, 24, "");
        cast.marker("states");
        cast.typed("$ ", "ip");
        cast.output("one\ntwo\r\nthree");
        cast.pause(Duration::from_millis(1500));
        let events = events(&cast.exit(1));
        let shown: Vec<(&str, &str)> = events.iter().map(|(_, code, data)| (code.as_str(), data.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("m", "states"),
                ("o", "$ "),
                ("o", "i"),
                ("o", "p"),
                ("o", "\r\n"),
                ("o", "one\r\n"),
                ("o", "two\r\n"),
                ("o", "three"),
                ("x", "1")
            ]
        );
        assert!((events[0].0, events[8].0) == (0.0, 1.5), "{events:?}");
    }

    #[test]
    fn what_a_terminal_is_told_survives_the_json() {
        let mut cast = Cast::new(80, 24, "");
        cast.output("\x1b[1m密钥\x1b[0m \u{7}\"\\");
        assert_eq!(events(&cast.exit(0))[0].2, "\x1b[1m密钥\x1b[0m \u{7}\"\\");
    }
}
