/// A whole line (or several): what is between `;`, `&` and line ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// The lists, in order.
    pub items: Vec<Item>,
}

/// A list of pipelines joined by `&&` and `||`, and whether `&` ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The first pipeline.
    pub first: Pipeline,
    /// The pipelines behind it, each with what joins it to the one before.
    pub rest: Vec<(Joint, Pipeline)>,
    /// Whether it runs in the background (`&`).
    pub background: bool,
}

/// What joins two pipelines of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// `&&`: the next runs if the last succeeded.
    And,
    /// `||`: the next runs if the last failed.
    Or,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// `!` in front: the exit status is turned round.
    pub negated: bool,
    /// `time` in front.
    pub timed: bool,
    /// The commands, at least one.
    pub commands: Vec<Command>,
}

/// One command of a pipeline, with its redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What it is.
    pub body: Body,
    /// Its redirections, in order.
    pub redirections: Vec<Redirection>,
}

/// The kinds of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `A=1 program word …`; no words when it only assigns.
    Simple {
        /// Assignments in front.
        assignments: Vec<Assignment>,
        /// The program and its arguments.
        words: Vec<Word>,
    },
    /// `{ …; }`
    Group(Script),
    /// `( … )`
    Subshell(Script),
    /// `for NAME in WORDS; do …; done`
    For {
        /// The variable.
        name: String,
        /// What it runs through.
        words: Vec<Word>,
        /// What is done each time.
        body: Script,
    },
    /// `while …; do …; done`, or `until` when `until` is set.
    While {
        /// Runs until the condition succeeds, instead of while it does.
        until: bool,
        /// The condition.
        condition: Script,
        /// What is done each time.
        body: Script,
    },
    /// `if …; then …; elif …; then …; else …; fi`
    If {
        /// Conditions with what each guards.
        branches: Vec<(Script, Script)>,
        /// What is done when no condition held.
        otherwise: Option<Script>,
    },
}

/// `NAME=WORD` or `NAME+=WORD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its new value.
    pub value: Word,
    /// `+=`: the value is added at the end.
    pub append: bool,
}

/// A word before expansion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Its pieces, side by side.
    pub pieces: Vec<Piece>,
}

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is. Unquoted text may hold glob characters.
    Text {
        /// The text, without its quotes and backslashes.
        text: String,
        /// Whether quotes or a backslash protected it.
        quoted: bool,
    },
    /// `~` at the start of a word.
    Home,
    /// `$NAME`, `${NAME…}`, `$?`, `$1`.
    Variable {
        /// The name (`?`, `$`, `!`, `#`, `@`, `*` and digits for the special ones).
        name: String,
        /// What is done to its value.
        change: Change,
        /// Whether it stands in double quotes, and so stays one word.
        quoted: bool,
    },
    /// `$( … )` or backquotes.
    Substitution {
        /// The line between the brackets.
        script: Script,
        /// The same as it was typed.
        source: String,
        /// Whether it stands in double quotes, and so stays one word.
        quoted: bool,
    },
    /// `$(( … ))`, as typed between the brackets.
    Arithmetic(String),
}

/// What a `${NAME…}` does to the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// `${#NAME}`: the length in characters.
    Length,
    /// `${NAME:-WORD}`, or `${NAME-WORD}` when `only_unset`.
    Default {
        /// The word in its place.
        word: String,
        /// An empty value counts as a value.
        only_unset: bool,
    },
    /// `${NAME:+WORD}`.
    Instead(String),
    /// `${NAME#PATTERN}`, `##`, `%`, `%%`.
    Trim {
        /// A glob pattern.
        pattern: String,
        /// From the end (`%`) instead of the start (`#`).
        from_end: bool,
        /// The longest match instead of the shortest.
        longest: bool,
    },
}

/// Where a file descriptor goes to or comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// The descriptor: 0, 1, 2, …
    pub descriptor: u32,
    /// Where to.
    pub target: Target,
}

/// The other end of a redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `< FILE`
    Read(Word),
    /// `> FILE`
    Write(Word),
    /// `>> FILE`
    Append(Word),
    /// `&> FILE` (or `&>> FILE`): standard output and error.
    Both {
        /// The file.
        file: Word,
        /// Adds to it.
        append: bool,
    },
    /// `2>&1`
    Same(u32),
    /// `2>&-`
    Closed,
    /// `<< EOF` and `<<< WORD`, ready to be expanded.
    Text(Word),
}

impl Word {
    /// A word of unquoted text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Text { text: text.into(), quoted: false }] }
    }

    /// The word as far as it is known without running anything: variables and substitutions stand as they were typed.
    pub fn as_typed(&self) -> String {
        self.pieces.iter().map(Piece::as_typed).collect()
    }
}

impl Piece {
    fn as_typed(&self) -> String {
        match self {
            Self::Text { text, .. } => text.clone(),
            Self::Home => "~".to_owned(),
            Self::Variable { name, change: Change::None, .. } => format!("${name}"),
            Self::Variable { name, .. } => format!("${{{name}…}}"),
            Self::Substitution { source, .. } => format!("$({source})"),
            Self::Arithmetic(expression) => format!("$(({expression}))"),
        }
    }
}
