use super::count::Count;
use super::template::Template;

/// What a listing must show, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shows(pub Vec<Items>);

/// Items of one kind that a listing must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items {
    /// Of which kind.
    pub kind: ItemKind,
    /// How many.
    pub count: Count,
    /// Whether their keys must be visible (states only).
    pub keys: bool,
    /// Patterns of which each must fit some item.
    pub like: Vec<ItemPattern>,
}

/// Fields and the values they must have, compared as values: `0x3` is `0x00000003`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPattern(pub Vec<(&'static str, Template)>);

/// What a listing can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// `ip xfrm state`.
    States,
    /// `ip xfrm policy`.
    Policies,
    /// `ip rule`.
    Rules,
    /// `ip route`, any table, and `ip route get`.
    Routes,
    /// `ip addr`.
    Addresses,
}

impl ItemKind {
    /// The key in a lesson's YAML.
    pub fn key(self) -> &'static str {
        match self {
            Self::States => "states",
            Self::Policies => "policies",
            Self::Rules => "rules",
            Self::Routes => "routes",
            Self::Addresses => "addresses",
        }
    }

    /// The fields that a pattern may name.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::States => &["src", "dst", "spi", "mode", "reqid", "mark", "output_mark", "algorithm"],
            Self::Policies => &["src", "dst", "dir", "priority", "mark", "tmpl_src", "tmpl_dst", "level"],
            Self::Rules => &["priority", "mark", "table"],
            Self::Routes => &["kind", "dst", "via", "dev", "src", "mtu", "protocol"],
            Self::Addresses => &["dev", "address"],
        }
    }
}
