use super::lines::Options;
use super::{find, once};
use crate::lab::sim::process::{Call, Io, Process};
use crate::lab::sim::{DAWN, FileError, Files, Node, World, net};

/// `ls`, `mkdir`, `rmdir`, `rm`, `cp`, `mv`, `touch`, `chmod`, `which`, `basename`, `dirname`, `realpath`.
pub(super) fn program(name: &str, call: &Call) -> Option<Box<dyn Process>> {
    let run: fn(&Call, &Options, &mut World, &mut Io) -> i32 = match name {
        "ls" => list,
        "mkdir" => make_folder,
        "rmdir" => remove_folder,
        "rm" => remove,
        "cp" => copy,
        "mv" => rename,
        "touch" => touch,
        "chmod" => change_mode,
        "which" => which,
        "basename" | "dirname" | "realpath" | "readlink" => path_part,
        _ => return None,
    };
    let long = [
        ("all", "a"),
        ("almost-all", "A"),
        ("human-readable", "h"),
        ("recursive", "r"),
        ("force", "f"),
        ("parents", "p"),
        ("verbose", "v"),
        ("color", "K"),
        ("directory", "d"),
    ];
    let letters = if name == "chmod" { "Rvf" } else { "aAlhrRfpvdtS1ixnsTFkcm" };
    // A mode may begin with a minus: `chmod -x FILE`.
    let arguments: Vec<String> = match name {
        "chmod" => call.arguments().iter().map(|word| word.replacen("-x", "a-x", usize::from(word == "-x"))).collect(),
        _ => call.arguments().to_vec(),
    };
    let (call, name) = (call.clone(), name.to_owned());
    Some(match Options::read(&arguments, letters, "", &long) {
        Ok(options) => once(move |world, io| run(&call, &options, world, io)),
        Err(error) => once(move |_, io| {
            io.complain(format!("{name}: {error}\nTry '{name} --help' for more information.\n"));
            2
        }),
    })
}

fn list(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    let mut names = options.files.clone();
    if names.is_empty() {
        names.push(".".to_owned());
    }
    let long = options.has("l");
    let hidden = options.has("a") || options.has("A");
    let mut status = 0;
    let (mut plain, mut folders) = (Vec::new(), Vec::new());
    let empty = Files::default();
    for name in names {
        let path = call.path(&name);
        match world.files.get(&call.place).unwrap_or(&empty).node(&path) {
            Ok(Node::Folder) if !options.has("d") => folders.push((name, path)),
            Ok(node) => plain.push((name, node.clone())),
            // Kernel files are there without being in any list.
            Err(_) if net::proc_file(&world.net, &call.network, &path).is_some() => {
                plain.push((name, Node::File { octets: Vec::new(), executable: false, modified: world.now() }));
            }
            Err(error) => {
                io.complain(format!("ls: cannot access '{name}': {error}\n"));
                status = 2;
            }
        }
    }
    let several = folders.len() + plain.len() > 1;
    show(&plain, long, call, io);
    for (at, (name, path)) in folders.iter().enumerate() {
        if several {
            io.print(format!("{}{name}:\n", if at > 0 || !plain.is_empty() { "\n" } else { "" }));
        }
        let files = world.files.get(&call.place).unwrap_or(&empty);
        let entries: Vec<(String, Node)> = files
            .entries(path)
            .filter(|(name, _)| hidden || !name.starts_with('.'))
            .map(|(name, node)| (name.to_owned(), node.clone()))
            .collect();
        if long {
            let blocks: usize = entries.iter().map(|(_, node)| size(node).div_ceil(4096) * 4).sum();
            io.print(format!("total {blocks}\n"));
        }
        show(&entries, long, call, io);
    }
    status
}

fn size(node: &Node) -> usize {
    match node {
        Node::Folder => 4096,
        Node::File { octets, .. } => octets.len(),
    }
}

fn show(entries: &[(String, Node)], long: bool, call: &Call, io: &mut Io) {
    if long {
        let width = entries.iter().map(|(_, node)| size(node).to_string().len()).max().unwrap_or(1);
        for (name, node) in entries {
            let (mode, time) = match node {
                Node::Folder => ("drwxr-xr-x", DAWN),
                Node::File { executable: true, modified, .. } => ("-rwxr-xr-x", *modified),
                Node::File { modified, .. } => ("-rw-r--r--", *modified),
            };
            let time = super::system::zoned(time).strftime("%b %e %H:%M").to_string();
            io.print(format!("{mode} 1 root root {:width$} {time} {name}\n", size(node)));
        }
        return;
    }
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    let width = call.terminal.map_or(0, |terminal| usize::from(terminal.columns));
    let longest = names.iter().map(|name| name.len() + 2).max().unwrap_or(1);
    // Columns on a terminal, one name a line otherwise, as ls has it.
    let columns = (width / longest).max(1);
    let rows = names.len().div_ceil(columns);
    for row in 0..rows {
        let cells: Vec<&str> = names.iter().skip(row).step_by(rows).copied().collect();
        let last = cells.len().saturating_sub(1);
        for (at, cell) in cells.iter().enumerate() {
            if at == last { io.print(format!("{cell}\n")) } else { io.print(format!("{cell:longest$}")) }
        }
    }
}

fn files<'a>(call: &Call, world: &'a mut World) -> &'a mut Files {
    world.files.entry(call.place.clone()).or_default()
}

/// Does something for each operand; a failure is told and does not stop the others.
fn each(
    program: &str,
    options: &Options,
    io: &mut Io,
    mut run: impl FnMut(&str, &mut Io) -> Result<(), String>,
) -> i32 {
    if options.files.is_empty() {
        io.complain(format!("{program}: missing operand\nTry '{program} --help' for more information.\n"));
        return 1;
    }
    let mut status = 0;
    for name in &options.files {
        if let Err(error) = run(name, io) {
            io.complain(format!("{program}: {error}\n"));
            status = 1;
        }
    }
    status
}

fn make_folder(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    let parents = options.has("p");
    each("mkdir", options, io, |name, _| {
        let path = call.path(name);
        let made = if parents { files(call, world).make_folders(&path) } else { files(call, world).make_folder(&path) };
        made.map_err(|error| format!("cannot create directory '{name}': {error}"))
    })
}

fn remove_folder(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    each("rmdir", options, io, |name, _| {
        let path = call.path(name);
        let files = files(call, world);
        let removed = match files.node(&path) {
            Ok(Node::File { .. }) => Err(FileError::NotFolder),
            Ok(Node::Folder) => files.remove(&path),
            Err(error) => Err(error),
        };
        removed.map_err(|error| format!("failed to remove '{name}': {error}"))
    })
}

fn remove(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    let (recursive, force) = (options.has("r") || options.has("R"), options.has("f"));
    if force && options.files.is_empty() {
        return 0;
    }
    each("rm", options, io, |name, _| {
        let path = call.path(name);
        let files = files(call, world);
        if path == "/" {
            return Err("it is dangerous to operate recursively on '/'".to_owned());
        }
        match files.node(&path) {
            Err(FileError::Missing) if force => Ok(()),
            Err(error) => Err(format!("cannot remove '{name}': {error}")),
            Ok(Node::Folder) if !recursive => Err(format!("cannot remove '{name}': Is a directory")),
            Ok(_) => files.remove_all(&path).map_err(|error| format!("cannot remove '{name}': {error}")),
        }
    })
}

/// Where a copy goes: into a folder under the old name, or to the new name.
fn destination(files: &Files, target: &str, name: &str) -> String {
    match files.node(target) {
        Ok(Node::Folder) => {
            crate::lab::sim::absolute(target, name.trim_end_matches('/').rsplit('/').next().unwrap_or(name))
        }
        _ => target.to_owned(),
    }
}

fn copy(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    two_or_more("cp", call, options, world, io, |files, from, to, name, recursive| match files.node(from).cloned() {
        Err(error) => Err(format!("cannot stat '{name}': {error}")),
        Ok(Node::Folder) if !recursive => Err(format!("-r not specified; omitting directory '{name}'")),
        Ok(_) => super::files::copy_tree(files, from, to)
            .map_err(|error| format!("cannot create regular file '{to}': {error}")),
    })
}

fn rename(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    two_or_more("mv", call, options, world, io, |files, from, to, name, _| {
        files.node(from).map_err(|error| format!("cannot stat '{name}': {error}"))?;
        if from == to {
            return Err(format!("'{name}' and '{to}' are the same file"));
        }
        copy_tree(files, from, to).map_err(|error| format!("cannot move '{name}' to '{to}': {error}"))?;
        files.remove_all(from).map_err(|error| format!("cannot remove '{name}': {error}"))
    })
}

fn two_or_more(
    program: &str,
    call: &Call,
    options: &Options,
    world: &mut World,
    io: &mut Io,
    mut run: impl FnMut(&mut Files, &str, &str, &str, bool) -> Result<(), String>,
) -> i32 {
    let Some((target, names)) = options.files.split_last().filter(|(_, names)| !names.is_empty()) else {
        let text = match options.files.first() {
            None => format!("{program}: missing file operand"),
            Some(name) => format!("{program}: missing destination file operand after '{name}'"),
        };
        io.complain(format!("{text}\nTry '{program} --help' for more information.\n"));
        return 1;
    };
    let target_path = call.path(target);
    let files = files(call, world);
    if names.len() > 1 && !matches!(files.node(&target_path), Ok(Node::Folder)) {
        io.complain(format!("{program}: target '{target}': No such file or directory\n"));
        return 1;
    }
    let recursive = options.has("r") || options.has("R") || options.has("a");
    let mut status = 0;
    for name in names {
        let to = destination(files, &target_path, name);
        if let Err(error) = run(files, &call.path(name), &to, name, recursive) {
            io.complain(format!("{program}: {error}\n"));
            status = 1;
        }
    }
    status
}

/// Copies a file, or a folder with all it holds, inside one place.
fn copy_tree(files: &mut Files, from: &str, to: &str) -> Result<(), FileError> {
    let whole = files.clone();
    graft(&whole, from, files, to)
}

/// Copies a file, or a folder with all it holds, from one place's files to another's (`docker cp`, `kubectl cp`).
pub(in crate::lab::sim) fn graft(source: &Files, from: &str, target: &mut Files, to: &str) -> Result<(), FileError> {
    let one = |node: &Node, to: &str, target: &mut Files| match node {
        Node::Folder => target.make_folders(to),
        Node::File { octets, executable, .. } => {
            target.write(to, octets)?;
            target.set_executable(to, *executable)
        }
    };
    one(source.node(from)?, to, target)?;
    for (path, node) in source.below(from) {
        let rest = path.get(from.len()..).unwrap_or_default();
        one(node, &format!("{to}{rest}"), target)?;
    }
    Ok(())
}

fn touch(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    each("touch", options, io, |name, _| {
        let path = call.path(name);
        match files(call, world).append(&path, b"") {
            Ok(()) | Err(FileError::IsFolder) => Ok(()),
            Err(error) => Err(format!("cannot touch '{name}': {error}")),
        }
    })
}

fn change_mode(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    let Some((mode, names)) = options.files.split_first().filter(|(_, names)| !names.is_empty()) else {
        io.complain("chmod: missing operand\nTry 'chmod --help' for more information.\n");
        return 1;
    };
    let executable = match mode.as_str() {
        digits if digits.len() >= 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) => {
            Some(digits.bytes().rev().take(3).any(|digit| (digit - b'0') & 1 == 1))
        }
        text if text.contains(['+', '-', '=']) && text.ends_with(|letter: char| "rwxXst+-=".contains(letter)) => {
            text.contains('x').then(|| !text.contains('-'))
        }
        _ => {
            io.complain(format!("chmod: invalid mode: '{mode}'\nTry 'chmod --help' for more information.\n"));
            return 1;
        }
    };
    let mut status = 0;
    for name in names {
        let path = call.path(name);
        let files = files(call, world);
        let changed = match executable {
            Some(to) => files.set_executable(&path, to),
            None => files.node(&path).map(|_| ()),
        };
        if let Err(error) = changed {
            io.complain(format!("chmod: cannot access '{name}': {error}\n"));
            status = 1;
        }
    }
    status
}

fn which(call: &Call, options: &Options, world: &mut World, io: &mut Io) -> i32 {
    let mut status = 0;
    for name in &options.files {
        match find(world, &call.place, call.environment.get("PATH").map(String::as_str), name) {
            Some(path) => io.print(format!("{path}\n")),
            None => status = 1,
        }
    }
    status
}

fn path_part(call: &Call, options: &Options, _: &mut World, io: &mut Io) -> i32 {
    let Some(path) = options.files.first() else {
        io.complain(format!("{}: missing operand\n", call.name()));
        return 1;
    };
    let trimmed = path.trim_end_matches('/');
    let text = match call.name().rsplit('/').next() {
        Some("basename") => {
            let base = trimmed.rsplit('/').next().unwrap_or(trimmed);
            let suffix = options.files.get(1).map_or("", String::as_str);
            base.strip_suffix(suffix).unwrap_or(base).to_owned()
        }
        Some("dirname") => match trimmed.rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((above, _)) => above.to_owned(),
            None => ".".to_owned(),
        },
        _ => call.path(path),
    };
    io.print(format!("{text}\n"));
    0
}
