use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::{Io, learn};
use crate::decrypt::{Keyring, Scratch};
use crate::lab::sim::Sim;
use crate::lab::{Lab, PlaceKind};
use crate::packet::{Frame, LinkType, Timestamp};
use crate::render::{Cluster, Colour, Display, EspLayout, Image, Look, Map, Path, Picture, Surroundings, paint};
use crate::replay::keyring;
use crate::trouble::{Exit, Trouble};
use crate::words::{Said, Words};

/// Show a picture of the course: the cluster, the way of a ping, the octets of an ESP packet.
///
/// Drawn from the simulated cluster. A terminal that shows pictures (kitty, iTerm2, sixel) shows it, any other its text;
/// a pipe or a file gets the SVG. `ESPLAIN_PICTURES=kitty|iterm2|sixel|none` overrules what the terminal says of itself.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which picture.
    #[arg(value_enum, value_name = "PICTURE")]
    which: Which,
    /// The language: `en` or `zh`. Without it, the one of the locale.
    #[arg(long, value_name = "LANGUAGE", env = "ESPLAIN_LANG")]
    lang: Option<String>,
    /// Write it to a file, as SVG or (`.png`) as pixels.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Which {
    /// Nodes, pods and devices.
    Architecture,
    /// Where a ping from pod-a to pod-b is seen.
    Path,
    /// The octets of an ESP packet.
    Esp,
}

pub(super) fn run(args: &Args, color: Colour, io: &mut Io) -> Result<Exit, Trouble> {
    let words = Words::new(learn::language(args.lang.as_deref())?);
    let picture = draw(args.which, &words)?;
    if let Some(path) = &args.output {
        let png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        let octets = if png { pixels(&picture)?.png().map_err(|error| cannot(&error))? } else { picture.svg().into() };
        std::fs::write(path, octets).map_err(|error| {
            Trouble::unusable(Said::of("trouble-unwritten", &[("path", &path.display())])).because(&error)
        })?;
        return Ok(Exit::Done);
    }
    let text = if io.columns.is_none() {
        picture.svg()
    } else {
        // Where letters or room are missing, the text says as much.
        if let Some(shown) = Display::of_process().and_then(|display| display.show(&picture.svg()).ok()) {
            shown
        } else {
            let look = Look::decide(&Surroundings::of_process(color, false));
            paint(&picture.lines(&look), &look)
        }
    };
    io.out.write_all(text.as_bytes()).map_err(|error| Io::unwritable(&error))?;
    Ok(Exit::Done)
}

/// Draws a picture from the simulated cluster as it is when the course's set-up is done.
fn draw(which: Which, words: &Words) -> Result<Picture, Trouble> {
    let mut lab = Sim::ready(learn::SEED);
    let facts = lab.facts()?;
    if which == Which::Architecture {
        let cluster = Cluster { facts: &facts, simulated: true, here: None, packets: &|_, _| Vec::new() };
        return Ok(Picture::Architecture(Map::of_cluster(&cluster, words)));
    }
    let to = facts.get("pod_b_ip").and_then(|address| address.parse().ok());
    let to = to.ok_or_else(|| Trouble::unusable(Said::of("cli-no-pod-b", &[])))?;
    let trace = lab.trace("pod-a", to, 56)?;
    let places = lab.places()?;
    // The bridge that kind's network is on the machine is left out: nobody looks there.
    let short = |name: &str| {
        let place = places.iter().find(|place| place.name == name && place.kind != PlaceKind::Machine)?;
        Some(place.aliases.first().unwrap_or(&place.name).clone())
    };
    if which == Which::Path {
        let title = words.say("picture-path", &[]);
        return Ok(Picture::Path(Path::of(&trace, words, title, &short)));
    }
    let keys = keyring(&mut lab, "worker2")?;
    let layout = trace.hops.iter().find_map(|hop| esp_layout(&hop.octets, &keys, words));
    layout.map(Picture::Esp).ok_or_else(|| Trouble::unusable(Said::of("cli-ping-clear", &[])))
}

/// The layout of an IP packet that holds ESP which these keys open.
fn esp_layout(packet: &[u8], keys: &Keyring, words: &Words) -> Option<EspLayout> {
    let original_len = u32::try_from(packet.len()).ok()?;
    let frame = Frame { time: Timestamp(0), link: LinkType::Raw, device: None, octets: packet.to_vec(), original_len };
    let mut scratch = Scratch::default();
    let verdict = keys.decrypt_frame(&frame, &mut scratch);
    EspLayout::of(packet, &verdict, words, words.say("picture-esp", &[]))
}

/// Twice as many pixels as the document has, for screens with fine ones.
fn pixels(picture: &Picture) -> Result<Image, Trouble> {
    Image::of_svg(&picture.svg(), |_| Some(2.0)).map_err(|error| cannot(&error))
}

fn cannot(error: &crate::render::ImageError) -> Trouble {
    Trouble::unusable(Said::of("cli-picture-unshown", &[])).because(error).hint(Said::of("cli-picture-as-svg", &[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    /// Where the pictures of the README stand.
    fn file(which: Which, language: Language) -> PathBuf {
        let name = which.to_possible_value().unwrap();
        let name = format!("assets/pictures/{}.{language}.svg", name.get_name());
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    #[test]
    fn the_pictures_in_the_assets_are_those_the_models_draw() {
        for language in Language::ALL {
            for which in Which::value_variants() {
                let drawn = draw(*which, &Words::new(language)).unwrap().svg();
                let path = file(*which, language);
                let kept = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(
                    kept == drawn,
                    "draw it anew: esplain picture {which:?} --lang {language} -o {}",
                    path.display()
                );
            }
        }
    }

    #[test]
    fn every_picture_is_text_too_at_any_width() {
        for language in Language::ALL {
            for which in Which::value_variants() {
                let picture = draw(*which, &Words::new(language)).unwrap();
                for width in [40, 80] {
                    let look = Look { width, colour: false, unicode: true, plain: false };
                    let lines = picture.lines(&look);
                    assert!(lines.len() > 8 && lines.iter().all(|line| line.width() <= width), "{which:?} {width}");
                }
            }
        }
    }

    #[test]
    fn the_octets_of_the_esp_picture_follow_each_other_without_a_gap() {
        let Picture::Esp(layout) = draw(Which::Esp, &Words::new(Language::En)).unwrap() else { panic!() };
        let mut at = 0;
        for field in &layout.fields {
            assert_eq!(field.offset, at, "{}", field.name);
            at += field.len;
        }
        // 20 outer, 8 SPI and sequence number, 8 IV, 84 inner, 2 padding, 2 trailer, 16 ICV.
        assert_eq!(at, 140);
    }
}
