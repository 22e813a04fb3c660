use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::{Io, bookshelf};
use crate::course::{Book, FileKind, Files, Gravity, lint, schema, with_language, with_step};
use crate::trouble::{Exit, Trouble};
use crate::words::{Language, Said};

/// What a new course is made of.
const COURSE: &str = include_str!("../../../assets/scaffold/course.yaml");
const STEP: &str = include_str!("../../../assets/scaffold/step.yaml");
/// The step that a new course begins with.
const FIRST: &str = "first";
/// Where a course that stands alone has the schemas of its files.
const OWN_SCHEMAS: &str = "schema";

/// Begins a course.
pub(super) fn course(folder: &Path, languages: &[String], io: &mut Io) -> Result<Exit, Trouble> {
    let id = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    check_id(id, "course")?;
    if folder.exists() && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Trouble::usage(format!("{} is there already, and not empty", folder.display()))
            .hint("`esplain author new step FOLDER ID` adds a step to a course"));
    }
    let languages = languages.iter().map(|language| speaks(language)).collect::<Result<Vec<_>, _>>()?;
    let codes: Vec<&str> = languages.iter().map(|language| language.code()).collect();
    let mut files = Files::default();
    let schemas = schemas(folder);
    let of_id = |text: &str, own: &str| text.replace("__ID__", own).replace("__SCHEMAS__", schemas);
    files.insert("course.yaml", of_id(COURSE, id).replace("__LANGUAGES__", &codes.join(", ")));
    files.insert(format!("steps/{FIRST}.yaml"), of_id(&STEP.replace("__SCHEMAS__", "../__SCHEMAS__"), FIRST));
    if schemas == OWN_SCHEMAS {
        files.insert("schema/course.schema.json", schema(FileKind::Course));
        files.insert("schema/step.schema.json", schema(FileKind::Step));
    }
    for language in &languages {
        files.insert(format!("{language}/course.md"), of_id(course_words(*language), id));
        files.insert(format!("{language}/{FIRST}.md"), of_id(step_words(*language), FIRST));
    }
    write(folder, &files, &files, io)
}

/// Adds a step.
pub(super) fn step(folder: &Path, id: &str, after: Option<&str>, io: &mut Io) -> Result<Exit, Trouble> {
    check_id(id, "step")?;
    let (files, book) = open(folder)?;
    if book.course.step(id).is_some() || files.text(&format!("steps/{id}.yaml")).is_some() {
        return Err(Trouble::usage(format!("the course has a step `{id}` already")));
    }
    let after = match after {
        Some(after) => after.to_owned(),
        None => book.course.steps().last().map(|step| step.id.clone()).unwrap_or_default(),
    };
    let listed = with_step(files.text("course.yaml").unwrap_or_default(), &after, id).ok_or_else(|| {
        let ids: Vec<&str> = book.course.steps().map(|step| step.id.as_str()).collect();
        Trouble::usage(format!("there is no step `{after}` in {}", folder.display()))
            .hint(format!("its steps are {}", ids.join(", ")))
    })?;
    let mut new = Files::default();
    new.insert("course.yaml", listed);
    new.insert(
        format!("steps/{id}.yaml"),
        STEP.replace("__ID__", id).replace("__SCHEMAS__", &format!("../{}", schemas(folder))),
    );
    for language in &book.course.languages {
        let words = language.parse().map_or(step_words(Language::En), step_words);
        new.insert(format!("{language}/{id}.md"), words.replace("__ID__", id));
    }
    write(folder, &new, &merged(&files, &new), io)
}

/// Adds a language: the words of the course's first one, to be translated.
pub(super) fn translation(folder: &Path, language: &str, io: &mut Io) -> Result<Exit, Trouble> {
    let language = speaks(language)?;
    let (files, book) = open(folder)?;
    let Some(from) = book.course.languages.first() else { return Ok(Exit::Done) };
    if book.course.languages.iter().any(|known| known == language.code()) {
        return Err(Trouble::usage(format!("the course speaks `{language}` already"))
            .hint(format!("`esplain lint {}` says what is missing in it", folder.display())));
    }
    let listed = with_language(files.text("course.yaml").unwrap_or_default(), language.code())
        .ok_or_else(|| Trouble::unusable("`languages:` of course.yaml is not found"))?;
    let mut new = Files::default();
    new.insert("course.yaml", listed);
    for path in files.paths() {
        if let Some(page) = path.strip_prefix(&format!("{from}/")) {
            new.insert(format!("{language}/{page}"), files.text(path).unwrap_or_default());
        }
    }
    write(folder, &new, &merged(&files, &new), io)
}

/// The folder with the schemas that editors check a course with, as course.yaml sees it: the one of a shelf of courses, or
/// the course's own.
fn schemas(folder: &Path) -> &'static str {
    if folder.join("../schema/step.schema.json").is_file() { "../schema" } else { OWN_SCHEMAS }
}

fn course_words(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../../../assets/scaffold/course.en.md"),
        Language::Zh => include_str!("../../../assets/scaffold/course.zh.md"),
    }
}

fn step_words(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../../../assets/scaffold/step.en.md"),
        Language::Zh => include_str!("../../../assets/scaffold/step.zh.md"),
    }
}

fn open(folder: &Path) -> Result<(Files, Book), Trouble> {
    let found = bookshelf::find(&folder.display().to_string())?;
    let book = bookshelf::open(&found)?;
    Ok((found.files, book))
}

fn speaks(language: &str) -> Result<Language, Trouble> {
    language
        .parse()
        .map_err(|error: crate::words::UnknownLanguage| Trouble::usage(error.to_string()).hint("say `en` or `zh`"))
}

fn check_id(id: &str, of: &str) -> Result<(), Trouble> {
    let fits =
        |word: &str| !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit());
    if id.split('-').all(fits) {
        return Ok(());
    }
    Err(Trouble::usage(format!("`{id}` cannot be a {of}'s id")).hint("an id is lower case words joined by `-`"))
}

fn merged(files: &Files, new: &Files) -> Files {
    let mut all = files.clone();
    for path in new.paths() {
        all.insert(path, new.text(path).unwrap_or_default());
    }
    all
}

/// Writes the new files when the course that they make is without fault. Each is written aside first, and then put in
/// its place: a full disk leaves the old ones whole.
fn write(folder: &Path, new: &Files, whole: &Files, io: &mut Io) -> Result<Exit, Trouble> {
    let label = folder.display().to_string();
    let faults = lint(whole);
    if let Some(fault) = faults.iter().find(|fault| fault.gravity == Gravity::Error) {
        return Err(Trouble::unusable(format!("the course in {label} has a fault: {fault}"))
            .hint(format!("`esplain lint {label}` shows each place; mend it first")));
    }
    let failed = |path: &Path, error: &std::io::Error| {
        Trouble::unusable(Said::of("trouble-unwritten", &[("path", &path.display())])).because(error)
    };
    let mut aside: Vec<(PathBuf, PathBuf)> = Vec::new();
    for path in new.paths() {
        let to = folder.join(path);
        let draft = to.with_extension("new");
        let parent = to.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        fs::write(&draft, new.text(path).unwrap_or_default()).map_err(|error| failed(&draft, &error))?;
        aside.push((draft, to));
    }
    for (draft, to) in aside {
        fs::rename(&draft, &to).map_err(|error| failed(&to, &error))?;
        writeln!(io.out, "{}", to.display()).map_err(|error| Io::unwritable(&error))?;
    }
    let next = format!("next: esplain lint {label} && esplain replay {label}, then esplain author watch {label}\n");
    io.err.write_all(next.as_bytes()).map_err(|error| Io::unwritable(&error))?;
    Ok(Exit::Done)
}
