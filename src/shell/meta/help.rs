use super::{METAS, Reply, find, unknown};
use crate::render::{Block, Line, Role, Table, inline, markdown};
use crate::shell::session::Session;
use crate::trouble::Trouble;

/// `:help [COMMAND]`.
pub(super) fn help(session: &mut Session, rest: &str) -> Result<Reply, Trouble> {
    let wanted = rest.trim_start_matches(':');
    let metas: Vec<_> = match find(wanted) {
        _ if wanted.is_empty() => METAS.iter().collect(),
        Some(meta) => vec![meta],
        None => return Err(unknown(session, wanted)),
    };
    let mut table = Table::new(&["", ""]);
    for meta in &metas {
        let mut name = Line::of(format!(":{}", meta.name), Role::Strong);
        if !meta.takes.sign().is_empty() {
            name = name.and(format!(" {}", meta.takes.sign()), Role::Quiet);
        }
        let mut said = inline(&session.say(&format!("ui-help-{}", meta.name), &[]));
        if metas.len() == 1 && !meta.aliases.is_empty() {
            let names: Vec<String> = meta.aliases.iter().map(|alias| format!(":{alias}")).collect();
            said = said.and(format!(" ({})", names.join(", ")), Role::Quiet);
        }
        table.rows.push(vec![name, said]);
    }
    let mut blocks = Vec::new();
    if metas.len() > 1 {
        blocks.extend(markdown(&session.say("ui-help-lines", &[])));
    }
    blocks.push(Block::Table(table));
    if metas.len() > 1 {
        blocks.extend(markdown(&session.say("ui-help-keys", &[])));
    }
    session.console.blocks(&blocks);
    Ok(Reply::ON)
}
