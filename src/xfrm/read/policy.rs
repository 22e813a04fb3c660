//! The fields that only a policy has; `dir` is one of both.

use super::{Parser, Read, state_direction};
use crate::esp::Spi;
use crate::listing::{Place, Span};
use crate::xfrm::{Action, Direction, Field, Level, PolicyFlags, PolicyType, Share, Template};

impl Parser<'_> {
    /// `dir in` of a state, or the line `dir out action allow index 1 priority 0 ptype main …` of a policy.
    pub(super) fn dir(&mut self, open: Span, socket: bool) -> Read<()> {
        if !self.in_policy() {
            let dir = self.reader.read("`in` or `out`", state_direction)?;
            self.state()?.dir = Some(dir);
            self.place(Field::StateDir, open);
            return Ok(());
        }
        let dir = self.reader.read("`in`, `out` or `fwd`", Direction::of_word)?;
        let policy = self.policy()?;
        policy.dir = dir;
        policy.socket = socket;
        self.place(Field::PolicyDir, open);
        let mut priority = None;
        loop {
            let here = self.reader.here();
            match self.reader.peek() {
                Some("action") => {
                    self.reader.skip(1);
                    self.policy()?.action = self.reader.read("`allow` or `block`", Action::of_word)?;
                    self.place(Field::PolicyAction, here);
                }
                Some("index") => {
                    self.reader.skip(1);
                    self.policy()?.index = Some(self.reader.read("a number", |word| word.parse().ok())?);
                    self.place(Field::PolicyIndex, here);
                }
                Some("priority") => {
                    self.reader.skip(1);
                    priority = Some(self.reader.read("a number", |word| word.parse().ok())?);
                    self.place(Field::PolicyPriority, here);
                }
                Some("ptype") => {
                    self.reader.skip(1);
                    self.policy()?.ptype = Some(self.reader.read("`main` or `sub`", PolicyType::of_word)?);
                    self.place(Field::PolicyType, here);
                }
                Some("share") => {
                    self.reader.skip(1);
                    self.policy()?.share = self.reader.read("`any`", Share::of_word)?;
                    self.place(Field::Share, here);
                }
                Some("flag") => {
                    self.reader.skip(1);
                    let mut flags = PolicyFlags::default();
                    self.flags(|word| flags.add_word(word));
                    self.policy()?.flags = flags;
                    self.place(Field::PolicyFlag, here);
                }
                _ => break,
            }
        }
        self.policy()?.priority = priority.ok_or("the line of `dir` has a priority, such as `priority 0`")?;
        if let Some(draft) = self.entries.last_mut() {
            draft.identified = true;
        }
        Ok(())
    }

    /// `tmpl src 10.0.0.66 dst 10.0.1.236` and the `proto` line after it.
    pub(super) fn template(&mut self, _: Span) -> Read<()> {
        self.policy()?;
        let src_open = self.reader.here();
        self.reader.expect("src")?;
        let src = self.reader.parsed("an address")?;
        self.place(Field::TemplateSrc, src_open);
        let dst_open = self.reader.here();
        self.reader.expect("dst")?;
        let dst = self.reader.parsed("an address")?;
        self.place(Field::TemplateDst, dst_open);
        let proto_open = self.reader.here();
        self.reader.expect("proto")?;
        let fields = [Field::TemplateProto, Field::TemplateSpi, Field::TemplateReqid, Field::TemplateMode];
        let id = self.transform(proto_open, fields)?;
        let mut template = Template::esp_tunnel(src, dst);
        template.proto = id.proto;
        template.spi = id.spi.unwrap_or(Spi(0));
        template.reqid = id.reqid;
        template.mode = id.mode;
        self.policy()?.templates.push(template);
        Ok(())
    }

    /// `level use share any`.
    pub(super) fn level(&mut self, open: Span) -> Read<()> {
        let level = self.reader.read("`required` or `use`", Level::of_word)?;
        let mut share = None;
        let level_end = open.to(self.reader.last());
        let share_open = self.reader.here();
        if self.reader.take("share") {
            share = Some(self.reader.read("`any`", Share::of_word)?);
        }
        let template = self.last_template()?;
        template.level = level;
        template.share = share.unwrap_or(template.share);
        let item = self.entries.len() - 1;
        self.places.push(Place { item, field: Field::TemplateLevel, span: level_end });
        if share.is_some() {
            self.place(Field::Share, share_open);
        }
        Ok(())
    }

    /// `enc-mask ffffffff auth-mask ffffffff comp-mask ffffffff`.
    pub(super) fn algorithm_masks(&mut self, open: Span) -> Read<()> {
        let mask = |word: &str| u32::from_str_radix(word, 16).ok();
        let enc = self.reader.read("a mask such as ffffffff", mask)?;
        self.reader.expect("auth-mask")?;
        let auth = self.reader.read("a mask such as ffffffff", mask)?;
        self.reader.expect("comp-mask")?;
        let comp = self.reader.read("a mask such as ffffffff", mask)?;
        self.last_template()?.algorithms = [enc, auth, comp];
        self.place(Field::TemplateAlgorithms, open);
        Ok(())
    }

    pub(super) fn last_template(&mut self) -> Read<&mut Template> {
        self.policy()?.templates.last_mut().ok_or_else(|| "no `tmpl` line stands before this".to_owned())
    }
}
