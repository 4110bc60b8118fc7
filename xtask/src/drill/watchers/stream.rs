//! Server-sent events, as a browser reads them:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.

use std::mem::take;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: String,
}

/// Reads a stream that comes in pieces.
#[derive(Default)]
pub struct Reader {
    /// What has no end yet: of a line, and of an event.
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    events: Vec<Event>,
}

impl Reader {
    /// The events that this piece completes.
    pub fn read(&mut self, piece: &[u8]) -> Vec<Event> {
        for byte in piece {
            match byte {
                b'\n' => self.end_line(),
                byte => self.line.push(*byte),
            }
        }
        take(&mut self.events)
    }

    fn end_line(&mut self) {
        let line = take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            let event = take(&mut self.event);
            self.events.extend(take(&mut self.has_data).then_some(event));
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => value.clone_into(&mut self.event.id),
            "data" => {
                self.event.data += if self.has_data { "\n" } else { "" };
                self.event.data += value;
                self.has_data = true;
            }
            // Comments keep the connection busy; `retry` is for who has nothing better to do than to wait.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "retry: 1500\n\n: still there\n\nevent: order\nid: 1\ndata: {\"status\":\ndata:\"pénding\"}\n\n\
                          event: order\r\nid: 2\r\ndata: {}\r\n\r\nevent: order\nid: 3\ndata: cut";

    #[test]
    fn whole_events_are_read_from_any_pieces() {
        let event = |id: &str, data: &str| Event { name: "order".to_owned(), id: id.to_owned(), data: data.to_owned() };
        let expected = [event("1", "{\"status\":\n\"pénding\"}"), event("2", "{}")];
        for length in [1, 7, STREAM.len()] {
            let mut reader = Reader::default();
            let events: Vec<_> = STREAM.as_bytes().chunks(length).flat_map(|piece| reader.read(piece)).collect();
            assert_eq!(events, expected, "in pieces of {length} bytes");
        }
    }
}
