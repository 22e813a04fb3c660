use std::collections::BTreeMap;

use crate::packet::Timestamp;

/// The files of one place: regular files and folders by absolute path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    nodes: BTreeMap<String, Node>,
    /// The time that what is written now is marked with.
    pub(super) now: Timestamp,
}

/// One entry of a place's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Folder,
    /// A regular file, and whether it may be executed.
    File {
        /// What it holds.
        octets: Vec<u8>,
        /// Whether `chmod +x` was done to it.
        executable: bool,
        /// When it was last written.
        modified: Timestamp,
    },
}

/// Why a file could not be used; `Display` is libc's text for the error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// ENOENT.
    #[error("No such file or directory")]
    Missing,
    /// EISDIR.
    #[error("Is a directory")]
    IsFolder,
    /// ENOTDIR.
    #[error("Not a directory")]
    NotFolder,
    /// EEXIST.
    #[error("File exists")]
    Exists,
    /// ENOTEMPTY.
    #[error("Directory not empty")]
    NotEmpty,
}

impl Files {
    /// What a file holds.
    pub fn read(&self, path: &str) -> Result<&[u8], FileError> {
        match self.node(path)? {
            Node::File { octets, .. } => Ok(octets),
            Node::Folder => Err(FileError::IsFolder),
        }
    }

    /// Makes or replaces a file; its folder must exist.
    pub fn write(&mut self, path: &str, octets: &[u8]) -> Result<(), FileError> {
        let held = self.open(path)?;
        held.clear();
        held.extend_from_slice(octets);
        Ok(())
    }

    /// Adds to a file, made if missing; its folder must exist.
    pub fn append(&mut self, path: &str, octets: &[u8]) -> Result<(), FileError> {
        self.open(path)?.extend_from_slice(octets);
        Ok(())
    }

    /// The entry at a path.
    pub fn node(&self, path: &str) -> Result<&Node, FileError> {
        if path == "/" {
            return Ok(&Node::Folder);
        }
        if let Some(node) = self.nodes.get(path) {
            return Ok(node);
        }
        match self.parent(path) {
            Ok(()) | Err(FileError::Missing) => Err(FileError::Missing),
            Err(other) => Err(other),
        }
    }

    /// Makes a folder; its parent must exist.
    pub fn make_folder(&mut self, path: &str) -> Result<(), FileError> {
        if self.node(path).is_ok() {
            return Err(FileError::Exists);
        }
        self.parent(path)?;
        self.nodes.insert(path.to_owned(), Node::Folder);
        Ok(())
    }

    /// Makes a folder and those above it, where missing.
    pub fn make_folders(&mut self, path: &str) -> Result<(), FileError> {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([path.len()]);
        for end in ends {
            let above = &path[..end];
            match self.node(above) {
                Ok(Node::Folder) => {}
                Ok(Node::File { .. }) => return Err(FileError::NotFolder),
                Err(_) => {
                    self.nodes.insert(above.to_owned(), Node::Folder);
                }
            }
        }
        Ok(())
    }

    /// Removes a file, or an empty folder.
    pub fn remove(&mut self, path: &str) -> Result<(), FileError> {
        if matches!(self.node(path)?, Node::Folder) && self.below(path).next().is_some() {
            return Err(FileError::NotEmpty);
        }
        self.nodes.remove(path);
        Ok(())
    }

    /// Removes a file, or a folder with all it holds.
    pub fn remove_all(&mut self, path: &str) -> Result<(), FileError> {
        self.node(path)?;
        let below: Vec<String> = self.below(path).map(|(path, _)| path.to_owned()).collect();
        for path in below {
            self.nodes.remove(&path);
        }
        self.nodes.remove(path);
        Ok(())
    }

    /// Sets or clears the right to execute a file; a folder keeps it.
    pub fn set_executable(&mut self, path: &str, to: bool) -> Result<(), FileError> {
        self.node(path)?;
        if let Some(Node::File { executable, .. }) = self.nodes.get_mut(path) {
            *executable = to;
        }
        Ok(())
    }

    /// The names directly in a folder, sorted, with their entries.
    pub fn entries<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let skip = if folder == "/" { 1 } else { folder.len() + 1 };
        self.below(folder).filter_map(move |(path, node)| {
            let name = path.get(skip..)?;
            (!name.is_empty() && !name.contains('/')).then_some((name, node))
        })
    }

    /// Everything below a folder, at any depth, by absolute path.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let prefix = if folder == "/" { "/".to_owned() } else { format!("{folder}/") };
        self.nodes
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, node)| (path.as_str(), node))
    }

    fn open(&mut self, path: &str) -> Result<&mut Vec<u8>, FileError> {
        self.parent(path)?;
        if path == "/" {
            return Err(FileError::IsFolder);
        }
        let now = self.now;
        let fresh = Node::File { octets: Vec::new(), executable: false, modified: now };
        match self.nodes.entry(path.to_owned()).or_insert(fresh) {
            Node::File { octets, modified, .. } => {
                *modified = now;
                Ok(octets)
            }
            Node::Folder => Err(FileError::IsFolder),
        }
    }

    /// Whether the folder that holds `path` is there.
    fn parent(&self, path: &str) -> Result<(), FileError> {
        match path.rsplit_once('/') {
            None | Some(("", _)) => Ok(()),
            Some((above, _)) => match self.nodes.get(above) {
                Some(Node::Folder) => Ok(()),
                Some(Node::File { .. }) => Err(FileError::NotFolder),
                None => Err(self.parent(above).err().unwrap_or(FileError::Missing)),
            },
        }
    }
}

/// `path` as seen from `folder`, with `.`, `..` and doubled slashes resolved.
pub fn absolute(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let base = if path.starts_with('/') { "" } else { folder };
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_its_folder() {
        let mut files = Files::default();
        assert_eq!(files.write("/root/a", b"x"), Err(FileError::Missing));
        files.make_folders("/root/deep/down").expect("made");
        files.write("/root/a", b"x").expect("written");
        assert_eq!(files.read("/root/a"), Ok(b"x".as_slice()));
        assert_eq!(files.write("/root/a/b", b"y"), Err(FileError::NotFolder));
        assert_eq!(files.read("/root"), Err(FileError::IsFolder));
        assert_eq!(files.entries("/root").map(|(name, _)| name).collect::<Vec<_>>(), ["a", "deep"]);
        assert_eq!(files.entries("/").map(|(name, _)| name).collect::<Vec<_>>(), ["root"]);
        assert_eq!(files.remove("/root"), Err(FileError::NotEmpty));
    }

    #[test]
    fn paths_are_resolved_from_the_working_directory() {
        assert_eq!(absolute("/root", "a/../b/./c"), "/root/b/c");
        assert_eq!(absolute("/root", "/tmp//x/"), "/tmp/x");
        assert_eq!(absolute("/", "../.."), "/");
    }
}
