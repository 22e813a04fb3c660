use super::EspView;
use crate::packet::Node;

impl EspView<'_> {
    /// ESP as a tree of fields, with what only the key shows: IV, payload, padding, next header, ICV. Of a packet that was
    /// not opened, what is in clear.
    ///
    /// Ranges count from the SPI. The packet inside is a tree of its own (`Tree::of_protocol` of the payload).
    pub fn tree(&self) -> Node {
        let spi = format!("{} ({})", self.spi, self.spi.0);
        let mut fields = vec![
            Node::new("esp.spi", "ESP SPI", spi, 0..4),
            Node::new("esp.sequence", "ESP Sequence", self.seq.to_string(), 4..8),
        ];
        if let Some(opened) = self.opened {
            let hex = |range: std::ops::Range<usize>| {
                let octets = self.packet.get(range).unwrap_or_default();
                octets
                    .iter()
                    .flat_map(|octet| [octet >> 4, octet & 0xf])
                    .filter_map(|digit| char::from_digit(digit.into(), 16))
                    .collect::<String>()
            };
            let trailer = opened.padding.end;
            let payload = format!("{} octets, in clear", opened.payload.len());
            let pad = if opened.padding.is_empty() { "none".to_owned() } else { hex(opened.padding.clone()) };
            fields.extend([
                Node::new("esp.iv", "ESP IV", hex(opened.iv.clone()), opened.iv.clone()),
                Node::new("esp.contained_data", "Payload", payload, opened.payload.clone()),
                Node::new("esp.pad", "ESP Pad", pad, opened.padding.clone()),
                Node::new("esp.pad_len", "ESP Pad Length", opened.padding.len().to_string(), trailer..trailer + 1),
                Node::new("esp.protocol", "Next header", opened.next_header.to_string(), trailer + 1..trailer + 2),
                Node::new("esp.icv", "ESP ICV", format!("{} [correct]", hex(opened.icv.clone())), opened.icv.clone()),
            ]);
        } else {
            let encrypted = self.packet.len().min(8)..self.packet.len();
            let value = format!("{} octets (IV, ciphertext and ICV)", encrypted.len());
            fields.push(Node::new("esp.encrypted_data", "Encrypted", value, encrypted));
        }
        let gist = format!("SPI {}, seq {}", self.spi, self.seq);
        Node::new("esp", "Encapsulating Security Payload", gist, 0..self.packet.len()).with(fields)
    }
}
