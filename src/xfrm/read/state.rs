//! The fields that only a state has.

use super::key::read_key;
use super::{Parser, Read, number};
use crate::listing::Span;
use crate::xfrm::{Algorithm, AlgorithmKind, Encap, EncapType, ExtraFlags, Field, OutputMark, Replay, StateFlags};

impl Parser<'_> {
    /// `replay-window 0 seq 0x00000000 flag esn extra_flag … (0x10000000)`, or the line of `stats:`.
    pub(super) fn replay_window(&mut self, open: Span) -> Read<()> {
        let window: u32 = self.reader.parsed("a number of packets")?;
        if self.reader.peek() == Some("replay") {
            return self.stats(open, window);
        }
        self.state()?.replay_window = u8::try_from(window).map_err(|_| "a window of at most 255 packets".to_owned())?;
        self.place(Field::ReplayWindow, open);
        let here = self.reader.here();
        if self.reader.take("seq") {
            // iproute2 prints this number in decimal after a `0x`.
            let seq = self.reader.read("a number", |word| word.strip_prefix("0x").unwrap_or(word).parse().ok())?;
            self.state()?.acquire_seq = seq;
            self.place(Field::AcquireSeq, here);
        }
        let here = self.reader.here();
        if self.reader.take("flag") {
            let mut flags = StateFlags::default();
            let extra_glued = self.flags(|word| flags.add_word(word));
            self.state()?.flags = flags;
            self.place(Field::StateFlag, here);
            let here = self.reader.here();
            if extra_glued || self.reader.take("extra_flag") {
                let mut extra = ExtraFlags::default();
                self.flags(|word| extra.add_word(word));
                self.state()?.extra_flags = Some(extra);
                self.place(Field::ExtraFlag, here);
            }
        }
        Ok(())
    }

    pub(super) fn stats(&mut self, open: Span, outside_window: u32) -> Read<()> {
        self.state()?.stats.get_or_insert_default().outside_window = outside_window;
        self.place(Field::StatsWindow, open);
        let here = self.reader.here();
        self.reader.expect("replay")?;
        let replayed = self.reader.parsed("a number of packets")?;
        self.state()?.stats.get_or_insert_default().replayed = replayed;
        self.place(Field::StatsReplay, here);
        let here = self.reader.here();
        self.reader.expect("failed")?;
        let failed = self.reader.parsed("a number of packets")?;
        self.state()?.stats.get_or_insert_default().failed = failed;
        self.place(Field::StatsFailed, here);
        Ok(())
    }

    pub(super) fn output_mark(&mut self, open: Span) -> Read<()> {
        let output = self.reader.read("a mark such as 0xe00/0xf00", |word| match word.split_once('/') {
            Some((value, mask)) => Some(OutputMark { value: number(value)?, mask: Some(number(mask)?) }),
            None => Some(OutputMark { value: number(word)?, mask: None }),
        })?;
        self.state()?.output_mark = Some(output);
        self.place(Field::OutputMark, open);
        Ok(())
    }

    pub(super) fn algorithm(&mut self, open: Span, field: Field) -> Read<()> {
        self.state()?;
        let name = self.reader.word("the name of an algorithm such as rfc4106(gcm(aes))")?.to_owned();
        let wants_bits = matches!(field, Field::Aead | Field::AuthTrunc);
        let (key, bits) = read_key(&mut self.reader, &name, wants_bits, Self::opens)?;
        let kind = match (field, bits) {
            (Field::Aead, Some(icv_bits)) => AlgorithmKind::Aead { icv_bits },
            (Field::AuthTrunc, Some(bits)) => AlgorithmKind::AuthTrunc { bits },
            (Field::Enc, _) => AlgorithmKind::Enc,
            (Field::Comp, _) => AlgorithmKind::Comp,
            (Field::Auth, _) => AlgorithmKind::Auth,
            _ => return Err("the length of the ICV in bits is missing at the end of the line".to_owned()),
        };
        self.state()?.algorithms.push(Algorithm { kind, name, key });
        self.place(field, open);
        Ok(())
    }

    pub(super) fn encap(&mut self, open: Span) -> Read<()> {
        self.reader.expect("type")?;
        let kind = self.reader.read("an encapsulation such as espinudp", EncapType::of_word)?;
        self.reader.expect("sport")?;
        let sport = self.reader.parsed("a port")?;
        self.reader.expect("dport")?;
        let dport = self.reader.parsed("a port")?;
        self.reader.expect("addr")?;
        let addr = self.reader.parsed("an address")?;
        self.state()?.encap = Some(Encap { kind, sport, dport, addr });
        self.place(Field::Encap, open);
        Ok(())
    }

    pub(super) fn coa(&mut self, open: Span) -> Read<()> {
        let coa = self.reader.parsed("an address")?;
        self.state()?.coa = Some(coa);
        self.place(Field::Coa, open);
        Ok(())
    }

    pub(super) fn lastused(&mut self, open: Span) -> Read<()> {
        let lastused = self.time()?;
        self.state()?.lastused = lastused;
        self.place(Field::LastUsed, open);
        Ok(())
    }

    /// `anti-replay context: seq 0x0, oseq 0x5, bitmap 0x00000000`, or the lines of `anti-replay esn context:`.
    pub(super) fn anti_replay(&mut self, open: Span) -> Read<()> {
        self.state()?;
        let esn = self.reader.take("esn");
        self.reader.expect("context:")?;
        self.place(Field::AntiReplay, open);
        let replay = if esn { self.esn()? } else { self.short_replay()? };
        self.state()?.replay = Some(replay);
        Ok(())
    }

    pub(super) fn short_replay(&mut self) -> Read<Replay> {
        let seq = self.named_number("seq", Some(Field::Seq))?;
        let oseq = self.named_number("oseq", Some(Field::Oseq))?;
        let bitmap = self.named_number("bitmap", Some(Field::Bitmap))?;
        Ok(Replay::Short { seq, oseq, bitmap })
    }

    pub(super) fn esn(&mut self) -> Read<Replay> {
        let here = self.reader.here();
        let seq = (self.named_number("seq-hi", None)?, self.named_number("seq", None)?);
        self.place(Field::Seq, here);
        let here = self.reader.here();
        let oseq = (self.named_number("oseq-hi", None)?, self.named_number("oseq", None)?);
        self.place(Field::Oseq, here);
        let here = self.reader.here();
        let window = self.named_number("replay_window", None)?;
        let length = self.named_number("bitmap-length", None)?;
        self.place(Field::Bitmap, here);
        let mut bitmap = Vec::new();
        for _ in 0..length {
            bitmap.push(self.reader.read("a word of the bitmap", |word| u32::from_str_radix(word, 16).ok())?);
        }
        bitmap.reverse();
        Ok(Replay::Esn { seq, oseq, window, bitmap })
    }

    pub(super) fn named_number(&mut self, name: &str, field: Option<Field>) -> Read<u32> {
        let here = self.reader.here();
        self.reader.expect(name)?;
        let value = self.reader.read("a number", |word| number(word.trim_end_matches(',')))?;
        if let Some(field) = field {
            self.place(field, here);
        }
        Ok(value)
    }

    pub(super) fn tfcpad(&mut self, open: Span) -> Read<()> {
        let tfcpad = self.reader.parsed("a number of octets")?;
        self.state()?.tfcpad = Some(tfcpad);
        self.place(Field::TfcPad, open);
        Ok(())
    }

    pub(super) fn iptfs(&mut self, open: Span) -> Read<()> {
        const WITH_NUMBER: [&str; 5] = ["pkt-size", "max-queue-size", "drop-time", "reorder-window", "init-delay"];
        let mut options = Vec::new();
        while let Some(word) = self.reader.peek() {
            if WITH_NUMBER.contains(&word) {
                self.reader.skip(1);
                let value: u32 = self.reader.parsed("a number")?;
                options.push(format!("{word} {value}"));
            } else if self.reader.take("dont-frag") {
                options.push("dont-frag".to_owned());
            } else {
                break;
            }
        }
        self.state()?.iptfs = Some(options.join(" "));
        self.place(Field::Iptfs, open);
        Ok(())
    }

    pub(super) fn pcpu(&mut self, open: Span) -> Read<()> {
        let pcpu = self.reader.parsed("the number of a CPU")?;
        self.state()?.pcpu = Some(pcpu);
        self.place(Field::Pcpu, open);
        Ok(())
    }

    pub(super) fn state_selector(&mut self, open: Span) -> Read<()> {
        self.state()?;
        self.reader.expect("src")?;
        let item = self.entries.len().saturating_sub(1);
        let selector = self.selector(open, None, item)?;
        self.state()?.selector = Some(selector);
        self.place(Field::StateSelector, open);
        Ok(())
    }
}
