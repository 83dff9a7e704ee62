//! The parts of GitHub's API that comments at a pull request need, on loopback.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A running API; its thread ends with the process.
pub(crate) struct Api {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    comments: Vec<Value>,
    heard: Vec<String>,
    /// Tokens may read only, as those of forks.
    read_only: bool,
}

/// What the job's token is.
pub(crate) const TOKEN: &str = "ghs_of-the-job";
/// Who comments with it.
pub(crate) const AUTHOR: &str = "github-actions[bot]";

impl Api {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(&stream, &mut shared.lock().unwrap());
            }
        });
        Self { url, state }
    }

    /// Puts a comment there.
    pub(crate) fn comment(&self, author: &str, body: &str) {
        let mut state = self.state.lock().unwrap();
        let id = state.comments.len();
        state.comments.push(of(id, author, body));
    }

    /// From now on tokens may read only.
    pub(crate) fn only_lets_read(&self) {
        self.state.lock().unwrap().read_only = true;
    }

    /// Author and text of each comment.
    pub(crate) fn comments(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let state = self.state.lock().unwrap();
        state.comments.iter().map(|it| (text(&it["user"]["login"]), text(&it["body"]))).collect()
    }

    /// Method and path of each request.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.state.lock().unwrap().heard.clone()
    }
}

fn of(id: usize, author: &str, body: &str) -> Value {
    json!({ "id": id, "user": { "login": author }, "body": body })
}

fn answer(mut stream: &TcpStream, state: &mut State) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let [method, path] = line.split(' ').take(2).collect::<Vec<_>>()[..] else { return };
    let (mut length, mut authorized) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorized = value == format!("Bearer {TOKEN}"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let text = serde_json::from_slice::<Value>(&body).map(|it| it["body"].as_str().unwrap().to_owned());
    state.heard.push(format!("{method} {path}"));
    let (status, answer) = match (method, path.split('?').next().unwrap()) {
        _ if !authorized => (401, json!({})),
        ("GET", "/repos/acme/shop/issues/7/comments") => {
            let page: usize = path.rsplit_once("&page=").unwrap().1.parse().unwrap();
            assert!(path.contains("per_page=100"), "{path}");
            let all: Vec<Value> = state.comments.iter().skip((page - 1) * 100).take(100).cloned().collect();
            (200, json!(all))
        }
        _ if state.read_only => (403, json!({ "message": "Resource not accessible by integration" })),
        ("POST", "/repos/acme/shop/issues/7/comments") => {
            let one = of(state.comments.len(), AUTHOR, &text.unwrap());
            state.comments.push(one.clone());
            (201, one)
        }
        ("PATCH", path) => {
            let id: usize = path.strip_prefix("/repos/acme/shop/issues/comments/").unwrap().parse().unwrap();
            state.comments[id]["body"] = json!(text.unwrap());
            (200, state.comments[id].clone())
        }
        _ => (404, json!({})),
    };
    let answer = answer.to_string();
    let head =
        format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
}
