//! The check of a packet against the SPD on its way in or through (Linux 6.1 `__xfrm_policy_check`): does what was
//! done to the packet fit what the policy asks for?

use std::fmt;

use super::{Action, Direction, Flow, Mode, Policy, PolicyLookup, SelectorMiss, State, Template, find_policy};

/// How the check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputCheck {
    /// The policy that judged the packet.
    pub lookup: PolicyLookup,
    /// The judgement.
    pub verdict: InputVerdict,
}

/// The judgement over a packet that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputVerdict {
    /// No policy fits and the packet came in clear: it passes.
    PassesWithoutPolicy,
    /// The policy allows it.
    Passes,
    /// A state that decrypted it is not for such packets.
    StateSelector {
        /// Which of the states, in the order of decryption.
        state: usize,
        /// Why.
        miss: SelectorMiss,
    },
    /// It came out of a tunnel, and no policy allows that.
    NoPolicy,
    /// The policy blocks it.
    Blocked,
    /// The policy asks for another transformation than the packet had.
    Template {
        /// Which template of the policy, or `None` if the packet came out of a tunnel that no template asks for.
        template: Option<usize>,
        /// What differs, if a transformation was there to compare.
        miss: Option<TemplateMiss>,
    },
}

impl InputVerdict {
    /// Whether the packet goes on.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Passes | Self::PassesWithoutPolicy)
    }

    /// The counter of `/proc/net/xfrm_stat` that goes up.
    pub fn counter(&self) -> Option<&'static str> {
        match self {
            Self::PassesWithoutPolicy | Self::Passes => None,
            Self::StateSelector { .. } => Some("XfrmInStateMismatch"),
            Self::NoPolicy => Some("XfrmInNoPols"),
            Self::Blocked => Some("XfrmInPolBlock"),
            Self::Template { .. } => Some("XfrmInTmplMismatch"),
        }
    }
}

/// Why a state is not what a template asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateMiss {
    /// Another protocol.
    Proto,
    /// Another SPI.
    Spi,
    /// Another reqid.
    Reqid,
    /// Another mode.
    Mode,
    /// Another outer source. The kernel does not compare the outer destination.
    Source,
}

impl fmt::Display for TemplateMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proto => "the protocol differs",
            Self::Spi => "the SPI differs",
            Self::Reqid => "the reqid differs",
            Self::Mode => "the mode differs",
            Self::Source => "the outer source differs",
        })
    }
}

/// Checks a packet with the flow `flow`, decrypted by `secpath` (in that order; empty for a packet that came in clear),
/// against the policies of `dir`, which is [`Direction::In`] or [`Direction::Fwd`].
///
/// The list of policies is that of `ip xfrm policy`: newest first.
pub fn check_input(policies: &[Policy], dir: Direction, flow: &Flow, secpath: &[&State]) -> InputCheck {
    let lookup = find_policy(policies, dir, flow);
    let mismatch = secpath.iter().enumerate().rev().find_map(|(index, state)| {
        let miss = state.selector.as_ref()?.miss(flow)?;
        Some(InputVerdict::StateSelector { state: index, miss })
    });
    let policy = lookup.chosen.and_then(|index| policies.get(index));
    let verdict = mismatch.unwrap_or_else(|| match policy {
        None if out_of_tunnel(secpath) => InputVerdict::NoPolicy,
        None => InputVerdict::PassesWithoutPolicy,
        Some(policy) if policy.action != Action::Allow => InputVerdict::Blocked,
        Some(policy) => templates(policy, secpath),
    });
    InputCheck { lookup, verdict }
}

fn out_of_tunnel(secpath: &[&State]) -> bool {
    secpath.iter().any(|state| state.mode != Mode::Transport)
}

/// Goes through the templates from the outermost (the last) to the innermost, and through the states in the order of
/// decryption, which is the same way round.
fn templates(policy: &Policy, secpath: &[&State]) -> InputVerdict {
    let mut next = 0;
    for (index, template) in policy.templates.iter().enumerate().rev() {
        match apply(template, secpath, next) {
            Ok(after) => next = after,
            Err(miss) => return InputVerdict::Template { template: Some(index), miss },
        }
    }
    if out_of_tunnel(secpath.get(next..).unwrap_or_default()) {
        return InputVerdict::Template { template: None, miss: None };
    }
    InputVerdict::Passes
}

/// The kernel's `xfrm_policy_ok`: the number of states that are accounted for after this template.
fn apply(template: &Template, secpath: &[&State], start: usize) -> Result<usize, Option<TemplateMiss>> {
    let optional = template.level != super::Level::Required;
    if optional && template.mode == Mode::Transport {
        return Ok(start);
    }
    let mut miss = None;
    for (index, state) in secpath.iter().enumerate().skip(start) {
        match template_miss(template, state) {
            None => return Ok(index + 1),
            Some(reason) => miss = miss.or(Some(reason)),
        }
        if state.mode != Mode::Transport {
            break;
        }
    }
    if optional { Ok(start) } else { Err(miss) }
}

/// The kernel's `xfrm_state_ok`.
fn template_miss(template: &Template, state: &State) -> Option<TemplateMiss> {
    if state.proto != template.proto {
        Some(TemplateMiss::Proto)
    } else if template.spi.0 != 0 && state.spi != template.spi {
        Some(TemplateMiss::Spi)
    } else if template.reqid != 0 && state.reqid != template.reqid {
        Some(TemplateMiss::Reqid)
    } else if state.mode != template.mode {
        Some(TemplateMiss::Mode)
    } else if state.mode != Mode::Transport && !template.src.is_unspecified() && state.src != template.src {
        Some(TemplateMiss::Source)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse_policies, parse_states};
    use super::*;

    const IN: &str = "src 0.0.0.0/0 dst 10.0.1.0/24 dir in priority 0 mark 0xd00/0xf00 \
        tmpl src 0.0.0.0 dst 10.0.1.236 proto esp reqid 1 mode tunnel";
    const FWD: &str = "src 0.0.0.0/0 dst 10.0.1.0/24 dir fwd priority 2975 \
        tmpl src 0.0.0.0 dst 10.0.1.236 proto esp reqid 1 mode tunnel level use";
    const STATE: &str =
        "src 0.0.0.0 dst 10.0.1.236 proto esp spi 0x3 reqid 1 mode tunnel sel src 0.0.0.0/0 dst 0.0.0.0/0";

    fn flow(mark: u32) -> Flow {
        let (src, dst) = ([10, 0, 0, 144].into(), [10, 0, 1, 165].into());
        Flow { src, dst, proto: 1, sport: 0, dport: 0, mark, if_id: 0, dev: None }
    }

    fn verdict(policies: &str, dir: Direction, mark: u32, state: Option<&str>) -> InputVerdict {
        let policies = parse_policies(policies).items;
        let states = parse_states(state.unwrap_or_default()).items;
        check_input(&policies, dir, &flow(mark), &states.iter().collect::<Vec<_>>()).verdict
    }

    #[test]
    fn a_decrypted_packet_passes_the_policy_that_asks_for_it() {
        assert_eq!(verdict(IN, Direction::In, 0xd00, Some(STATE)), InputVerdict::Passes);
        assert_eq!(verdict(FWD, Direction::Fwd, 0, Some(STATE)), InputVerdict::Passes);
    }

    #[test]
    fn level_use_lets_clear_text_pass_and_required_does_not() {
        assert_eq!(verdict(FWD, Direction::Fwd, 0, None), InputVerdict::Passes);
        let clear = verdict(IN, Direction::In, 0xd00, None);
        assert_eq!(clear, InputVerdict::Template { template: Some(0), miss: None });
        assert_eq!(clear.counter(), Some("XfrmInTmplMismatch"));
    }

    #[test]
    fn level_use_still_refuses_another_tunnel() {
        let other = STATE.replace("reqid 1", "reqid 2");
        let refused = verdict(FWD, Direction::Fwd, 0, Some(&other));
        assert_eq!(refused, InputVerdict::Template { template: None, miss: None });
        let required = verdict(IN, Direction::In, 0xd00, Some(&other));
        assert_eq!(required, InputVerdict::Template { template: Some(0), miss: Some(TemplateMiss::Reqid) });
    }

    #[test]
    fn a_decrypted_packet_without_a_policy_is_dropped_and_a_clear_one_is_not() {
        assert_eq!(verdict(IN, Direction::In, 0, Some(STATE)).counter(), Some("XfrmInNoPols"));
        assert_eq!(verdict(IN, Direction::In, 0, None), InputVerdict::PassesWithoutPolicy);
        let block = "src 0.0.0.0/0 dst 0.0.0.0/0 dir in action block priority 0";
        assert_eq!(verdict(block, Direction::In, 0, None).counter(), Some("XfrmInPolBlock"));
    }

    #[test]
    fn a_state_for_other_packets_is_a_mismatch() {
        let narrow = STATE.replace("sel src 0.0.0.0/0", "sel src 10.9.0.0/16");
        assert_eq!(verdict(IN, Direction::In, 0xd00, Some(&narrow)).counter(), Some("XfrmInStateMismatch"));
    }
}
