//! A call of `esplain`, as a script makes it.

use std::io::Write;
use std::process::{Command, Stdio};

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Calls `esplain` with nothing on standard input.
pub(crate) fn esplain(words: &[&str]) -> Ended {
    with_input(words, b"")
}

/// Calls `esplain`, in English and without the settings and the progress of whoever runs the tests.
pub(crate) fn with_input(words: &[&str], input: &[u8]) -> Ended {
    spoken("en", words, input)
}

fn spoken(language: &str, words: &[&str], input: &[u8]) -> Ended {
    let state = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_esplain"))
        .args(words)
        .env("ESPLAIN_LANG", language)
        .env("XDG_STATE_HOME", state.path())
        .env_remove("ESPLAIN_LAB")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A call that does not read its input closes it; that is no failure of the test.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_call_fails_in_the_language_of_the_reader() {
    for (words, what, hint) in [
        (vec!["learn", "--step", "nowhere"], "课程 `cilium-ipsec` 里没有步骤 `nowhere`", "步骤"),
        (vec!["replay", "no-such-course"], "没有课程 `no-such-course`", "`esplain courses` 列出所有课程"),
        (vec!["trace", "pod-a", "nobody"], "模拟实验环境里没有 Pod 或节点 `nobody`", "也可以写地址"),
        (vec!["explain"], "标准输入 是空的", "`ip xfrm state | esplain explain`"),
        (vec!["decrypt", "-", "--sa", "-"], "标准输入只能当作其中一个文件", "`ip xfrm state > keys.txt`"),
        (
            vec!["progress", "import", "Cargo.toml"],
            "Cargo.toml 不是进度记录",
            "`esplain progress export > FILE` 可以写出一份",
        ),
        (vec!["lab", "up", "--lab", "sim"], "这个实验环境随使用它的程序一起启动和结束", "`esplain lab up"),
        (vec!["learn", "--recording", "/no/such.esplain"], "无法读取 /no/such.esplain", ""),
    ] {
        let Ended { code, err, .. } = spoken("zh", &words, b"");
        assert!(code.is_some_and(|code| code > 1), "{words:?}: {err}");
        assert!(err.starts_with("错误： ") && err.contains(what) && err.contains(hint), "{words:?}: {err}");
        assert!(!err.contains("hint:") && !err.contains("because:"), "{words:?}: {err}");
    }
}
