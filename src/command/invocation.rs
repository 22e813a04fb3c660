use super::read::{Unreadable, script};
use super::syntax::{Body, Piece, Script, Target, Word};
use super::wrapper::{Elsewhere, Inner, unwrap};

/// One program that a line would run, without the wrappers around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program and its arguments. Variables and substitutions stand as they were typed.
    pub words: Vec<String>,
    /// Where the wrappers take it, outermost first; empty when it runs where it was typed.
    pub elsewhere: Vec<Elsewhere>,
    /// The wrappers' names, outermost first: `sudo`, `docker`, `sh`, …
    pub wrappers: Vec<&'static str>,
    /// Whether it runs in the background (`&`).
    pub background: bool,
    /// Its position in its pipeline, from 0.
    pub position: usize,
    /// How many commands its pipeline has.
    pub pipeline: usize,
    /// Files that its own redirections write.
    pub writes: Vec<String>,
    /// Whether it stands inside a `$( )` of another command.
    pub substituted: bool,
}

/// How deep wrappers and substitutions are followed.
const DEEPEST: usize = 12;

/// Every program that a line would run, in the order of the line; a wrapped line (`sh -c`, `watch`) counts as what it runs.
///
/// Programs inside a `$( )` come before the command that uses them. A wrapper with nothing under it (`sudo -i`,
/// `docker exec -it NODE bash`) is the program itself.
pub fn commands(line: &str) -> Result<Vec<Invocation>, Unreadable> {
    let mut found = Vec::new();
    let around =
        Around { elsewhere: Vec::new(), wrappers: Vec::new(), background: false, substituted: false, depth: 0 };
    walk(&script(line)?, &around, &mut found);
    Ok(found)
}

/// What surrounds a command.
#[derive(Clone)]
struct Around {
    elsewhere: Vec<Elsewhere>,
    wrappers: Vec<&'static str>,
    background: bool,
    substituted: bool,
    depth: usize,
}

fn walk(script: &Script, around: &Around, found: &mut Vec<Invocation>) {
    if around.depth > DEEPEST {
        return;
    }
    for item in &script.items {
        let around = Around { background: around.background || item.background, ..around.clone() };
        for pipeline in std::iter::once(&item.first).chain(item.rest.iter().map(|(_, next)| next)) {
            let size = pipeline.commands.len();
            for (position, command) in pipeline.commands.iter().enumerate() {
                let writes = command.redirections.iter().filter_map(|redirection| match &redirection.target {
                    Target::Write(file) | Target::Append(file) | Target::Both { file, .. } => Some(file.as_typed()),
                    Target::Read(_) | Target::Same(_) | Target::Closed | Target::Text(_) => None,
                });
                match &command.body {
                    Body::Simple { assignments, words } => {
                        let values = assignments.iter().map(|assignment| &assignment.value);
                        substitutions(values.chain(words), &around, found);
                        let words: Vec<String> = words.iter().map(Word::as_typed).collect();
                        simple(words, &around, Place { position, size, writes: writes.collect() }, found);
                    }
                    Body::Group(inner) | Body::Subshell(inner) => walk(inner, &around.inside(), found),
                    Body::For { words, body, .. } => {
                        substitutions(words.iter(), &around, found);
                        walk(body, &around.inside(), found);
                    }
                    Body::While { condition, body, .. } => {
                        walk(condition, &around.inside(), found);
                        walk(body, &around.inside(), found);
                    }
                    Body::If { branches, otherwise } => {
                        for (condition, body) in branches {
                            walk(condition, &around.inside(), found);
                            walk(body, &around.inside(), found);
                        }
                        if let Some(body) = otherwise {
                            walk(body, &around.inside(), found);
                        }
                    }
                }
            }
        }
    }
}

/// Where a command stands in its pipeline, and what its redirections write.
struct Place {
    position: usize,
    size: usize,
    writes: Vec<String>,
}

fn simple(mut words: Vec<String>, around: &Around, place: Place, found: &mut Vec<Invocation>) {
    let mut around = around.clone();
    while around.depth <= DEEPEST {
        let Some(wrapped) = unwrap(&words) else { break };
        around.depth += 1;
        around.wrappers.push(wrapped.wrapper);
        around.elsewhere.extend(wrapped.elsewhere);
        match wrapped.inner {
            Inner::Words(inner) => words = inner,
            Inner::Line(line) => {
                if let Ok(inner) = script(&line) {
                    walk(&inner, &around, found);
                }
                return;
            }
        }
    }
    if words.is_empty() {
        return;
    }
    found.push(Invocation {
        words,
        elsewhere: around.elsewhere,
        wrappers: around.wrappers,
        background: around.background,
        position: place.position,
        pipeline: place.size,
        writes: place.writes,
        substituted: around.substituted,
    });
}

fn substitutions<'a>(words: impl Iterator<Item = &'a Word>, around: &Around, found: &mut Vec<Invocation>) {
    for piece in words.flat_map(|word| &word.pieces) {
        if let Piece::Substitution { script, .. } = piece {
            walk(script, &Around { substituted: true, ..around.inside() }, found);
        }
    }
}

impl Around {
    fn inside(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &str) -> Vec<String> {
        commands(line).expect("readable").iter().map(|found| found.words.join(" ")).collect()
    }

    #[test]
    fn every_program_of_a_line_is_found() {
        assert_eq!(lines("ip x s | grep -c src; a && b || ! c &"), ["ip x s", "grep -c src", "a", "b", "c"]);
        assert_eq!(lines("for n in $(kind get nodes); do docker exec $n ip ru; done"), ["kind get nodes", "ip ru"]);
        assert_eq!(
            lines("if true; then ip a; else ip r; fi; (ip l; { ip n; })"),
            ["true", "ip a", "ip r", "ip l", "ip n"]
        );
        assert_eq!(lines(""), [""; 0]);
    }

    #[test]
    fn wrappers_come_off_however_deep() {
        let found =
            commands("sudo docker exec -it worker bash -c 'timeout 5 tcpdump -i any > f & ip x s | cat'").expect("ok");
        let worker = vec![Elsewhere::Container("worker".to_owned())];
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|found| found.elsewhere == worker));
        assert_eq!(found[0].words.join(" "), "tcpdump -i any");
        assert_eq!(found[0].wrappers, ["sudo", "docker", "sh", "timeout"]);
        assert_eq!((found[0].background, found[0].writes.as_slice()), (true, ["f".to_owned()].as_slice()));
        assert_eq!((found[1].position, found[1].pipeline, found[1].background), (0, 2, false));
    }

    #[test]
    fn a_substitution_counts_and_says_so() {
        let found = commands("keys=\"3 $(dd if=/dev/urandom count=20 bs=1 | xxd -p) 128\"; echo $keys").expect("ok");
        let words: Vec<(&str, bool)> = found.iter().map(|found| (found.words[0].as_str(), found.substituted)).collect();
        assert_eq!(words, [("dd", true), ("xxd", true), ("echo", false)]);
    }

    #[test]
    fn a_wrapper_around_itself_ends() {
        let line = format!("{}ip x s", "sudo ".repeat(500));
        assert!(commands(&line).expect("readable").len() <= 1);
    }
}
