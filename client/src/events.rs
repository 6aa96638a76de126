//! Reads `text/event-stream`, as far as the service speaks it:
//! <https://html.spec.whatwg.org/#event-stream-interpretation>.
//!
//! Ready-made decoders keep a line of any length; this one gives up.

/// A line longer than this is no event of the service.
const MAX_LINE_BYTES: usize = 1024 * 1024;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: String,
}

/// Turns chunks of bytes, cut anywhere, into events.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    line: Vec<u8>,
    event: Event,
}

/// The stream is not one of events.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoEventStream;

impl Decoder {
    /// The events that this chunk completes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<Vec<Event>, NoEventStream> {
        let mut events = Vec::new();
        for &byte in chunk {
            if byte != b'\n' {
                self.line.push(byte);
                if self.line.len() > MAX_LINE_BYTES {
                    return Err(NoEventStream);
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = str::from_utf8(&line).map_err(|_| NoEventStream)?;
            events.extend(self.take_line(line.strip_suffix('\r').unwrap_or(line)));
        }
        Ok(events)
    }

    fn take_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // A comment, which is a sign of life, or a field that the service does not use.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "event:progress\ndata:{\"a\":1}\n\n: alive\n\nevent: end\r\ndata: x\r\ndata: y\r\n\r\n";

    fn expected() -> [Event; 2] {
        let event = |name: &str, data: &str| Event {
            name: name.to_owned(),
            data: data.to_owned(),
        };
        [event("progress", "{\"a\":1}"), event("end", "x\ny")]
    }

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        for size in 1..STREAM.len() {
            let mut decoder = Decoder::default();
            let events: Vec<_> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|chunk| decoder.push(chunk).unwrap())
                .collect();
            assert_eq!(events, expected(), "in chunks of {size}");
        }
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let mut decoder = Decoder::default();
        assert_eq!(
            decoder.push(&vec![b'x'; MAX_LINE_BYTES + 1]),
            Err(NoEventStream)
        );
    }
}
