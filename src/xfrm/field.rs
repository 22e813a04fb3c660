use crate::listing::fields;

fields! {
    /// A field of `ip xfrm state` or `ip xfrm policy`, as the reader of the text tells them apart.
    Field:
    /// The outer source of a state.
    StateSrc "state-src",
    /// The outer destination of a state.
    StateDst "state-dst",
    /// `proto esp` of a state.
    StateProto "state-proto",
    /// The SPI of a state.
    StateSpi "state-spi",
    /// The reqid of a state.
    StateReqid "state-reqid",
    /// The mode of a state.
    StateMode "state-mode",
    /// `replay-window 0`.
    ReplayWindow "replay-window",
    /// `seq` after the replay window, with `-s`.
    AcquireSeq "acquire-seq",
    /// `flag` of a state.
    StateFlag "state-flag",
    /// `extra_flag`.
    ExtraFlag "extra-flag",
    /// `mark` of a state.
    StateMark "state-mark",
    /// `output-mark`.
    OutputMark "output-mark",
    /// `auth`.
    Auth "auth",
    /// `auth-trunc`.
    AuthTrunc "auth-trunc",
    /// `aead`.
    Aead "aead",
    /// `enc`.
    Enc "enc",
    /// `comp`.
    Comp "comp",
    /// `encap`.
    Encap "encap",
    /// `coa`.
    Coa "coa",
    /// `lastused`.
    LastUsed "lastused",
    /// The words `anti-replay context:`.
    AntiReplay "anti-replay",
    /// The highest sequence number received.
    Seq "seq",
    /// The last sequence number sent.
    Oseq "oseq",
    /// The bitmap of the window.
    Bitmap "bitmap",
    /// `crypto offload parameters:`.
    Offload "offload",
    /// `if_id`.
    IfId "if-id",
    /// `tfcpad`.
    TfcPad "tfcpad",
    /// `iptfs-opts`.
    Iptfs "iptfs-opts",
    /// `dir` of a state.
    StateDir "state-dir",
    /// `pcpu-num`.
    Pcpu "pcpu-num",
    /// `sel` of a state.
    StateSelector "state-selector",
    /// `limit:` and `expire` lines.
    Limits "limits",
    /// Octets and packets of a state.
    StateUsage "state-usage",
    /// Octets and packets of a policy, which the kernel does not count.
    PolicyUsage "policy-usage",
    /// `add … use …`.
    Times "times",
    /// Packets outside of the window.
    StatsWindow "stats-window",
    /// Packets received twice.
    StatsReplay "stats-replay",
    /// Packets whose ICV did not fit.
    StatsFailed "stats-failed",
    /// `security context`.
    SecurityContext "security-context",
    /// The source of a policy's selector.
    PolicySrc "policy-src",
    /// The destination of a policy's selector.
    PolicyDst "policy-dst",
    /// The protocol, ports and device of a selector.
    SelectorUpper "selector-upper",
    /// `dir` of a policy.
    PolicyDir "policy-dir",
    /// `action`.
    PolicyAction "policy-action",
    /// `index`.
    PolicyIndex "policy-index",
    /// `priority`.
    PolicyPriority "policy-priority",
    /// `ptype`.
    PolicyType "policy-ptype",
    /// `share`.
    Share "share",
    /// `flag` of a policy.
    PolicyFlag "policy-flag",
    /// `mark` of a policy.
    PolicyMark "policy-mark",
    /// The source of a template.
    TemplateSrc "tmpl-src",
    /// The destination of a template.
    TemplateDst "tmpl-dst",
    /// `proto` of a template.
    TemplateProto "tmpl-proto",
    /// `spi` of a template.
    TemplateSpi "tmpl-spi",
    /// `reqid` of a template.
    TemplateReqid "tmpl-reqid",
    /// `mode` of a template.
    TemplateMode "tmpl-mode",
    /// `level`.
    TemplateLevel "tmpl-level",
    /// The masks of algorithms of a template.
    TemplateAlgorithms "tmpl-algorithms",
}
