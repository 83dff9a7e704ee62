#!/usr/bin/env node
// Remakes src/project/npmrc/features/measured.rs: which settings each version of npm knows.
//
//     node tests/npm_features.cjs [FOLDER] >src/project/npmrc/features/measured.rs
//
// It packs versions of npm from the registry into FOLDER (kept, so that a second call packs
// only what is new) and reads each one's own definitions. Within a major version it bisects:
// a span whose ends know the same is taken as one. It must not know what this program does
// with the table.

'use strict'
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const OLDEST = 8
const folder = path.resolve(process.argv[2] ?? fs.mkdtempSync(path.join(os.tmpdir(), 'npm-features-')))

const packed = (version) => {
  const at = path.join(folder, version)
  if (!fs.existsSync(path.join(at, 'package', 'package.json'))) {
    process.stderr.write(`npm ${version}\n`)
    fs.mkdirSync(at, { recursive: true })
    const args = ['pack', '--silent', '--pack-destination', at, `npm@${version}`]
    execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] })
    execFileSync('tar', ['xzf', `npm-${version}.tgz`], { cwd: at })
    fs.rmSync(path.join(at, `npm-${version}.tgz`))
  }
  return path.join(at, 'package')
}

const definitions = (npm) => {
  const places = [
    'node_modules/@npmcli/config/lib/definitions/definitions.js',
    'lib/utils/config/definitions.js',
  ]
  const found = places.map((place) => path.join(npm, place)).find((place) => fs.existsSync(place))
  return require(found)
}

// What a version does that no definition tells, each asked of the code that does it.
const probes = {
  '${VAR?}': (npm) =>
    require(path.join(npm, 'node_modules/@npmcli/config/lib/env-replace.js'))('${NOT_SET?}', {}) === '',
  'replace-registry-host=URL': (npm) =>
    read(npm, 'node_modules/@npmcli/arborist/lib/arborist/reify.js').includes(
      'new URL(this.options.replaceRegistryHost)'),
  'allowScripts': (npm) =>
    read(npm, 'node_modules/@npmcli/arborist/lib/arborist/rebuild.js').includes('allowScripts'),
  // A package with scripts that nobody reviewed: its scripts run unless somebody says no.
  'unreviewed scripts wait': (npm) =>
    /isScriptAllowed\([^)]*\) === true/.test(
      read(npm, 'node_modules/@npmcli/arborist/lib/arborist/rebuild.js')),
}

const read = (npm, file) => {
  const at = path.join(npm, file)
  return fs.existsSync(at) ? fs.readFileSync(at, 'utf8') : ''
}

const memory = new Map()
const features = (version) => {
  if (!memory.has(version)) {
    const npm = packed(version)
    const all = definitions(npm)
    const closed = Object.keys(all).filter((key) => key.startsWith('allow-') && all[key].default === 'none')
    const does = Object.keys(probes).filter((name) => probes[name](npm))
    const names = [...Object.keys(all), ...does, ...closed.map((key) => `${key}=none by default`)]
    memory.set(version, new Set(names))
  }
  return memory.get(version)
}
const same = (one, other) => one.size === other.size && [...one].every((name) => other.has(name))

// The feature set of each version of a span.
const fill = (span, known) => {
  const [low, high] = [span[0], span.at(-1)]
  if (span.length === 1 || same(features(low), features(high))) {
    for (const version of span) known.set(version, features(low))
    return
  }
  const middle = Math.ceil(span.length / 2)
  fill(span.slice(0, middle), known)
  fill(span.slice(middle), known)
}

const numbers = (version) => version.split('.').map(Number)
const order = (one, other) => {
  const [a, b] = [numbers(one), numbers(other)]
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}
const answer = execFileSync('npm', ['view', 'npm', 'versions', '--json'], { encoding: 'utf8' })
const versions = JSON.parse(answer)
  .filter((version) => /^\d+\.\d+\.\d+$/.test(version) && numbers(version)[0] >= OLDEST)
  .sort(order)
const known = new Map()
for (const major of new Set(versions.map((version) => numbers(version)[0]))) {
  fill(versions.filter((version) => numbers(version)[0] === major), known)
}

const names = [...new Set([...known.values()].flatMap((set) => [...set]))].sort()
const tuple = (version) => `(${numbers(version).join(', ')})`
const rows = names.map((name) => {
  const spans = []
  let open = false
  versions.forEach((version, at) => {
    const has = known.get(version).has(name)
    if (has && !open) spans.push([at === 0 ? '(0, 0, 0)' : tuple(version), 'None'])
    if (!has && open) spans.at(-1)[1] = `Some(${tuple(version)})`
    open = has
  })
  return `    (${JSON.stringify(name)}, &[${spans.map((span) => `(${span.join(', ')})`).join(', ')}]),`
})
const [first, last] = [versions[0], versions.at(-1)]
process.stdout.write(`//! What npm ${first} to ${last} know, measured: each name with the versions from which on it is
//! known and from which on it is not any more. Made by \`tests/npm_features.cjs\`, by nobody's hand.

use super::Spans;

/// The newest version that was measured.
pub(super) const NEWEST: (u64, u64, u64) = ${tuple(last)};

/// Ordered by name. What the oldest measured version knows counts as known by all older ones.
#[rustfmt::skip]
pub(super) const MEASURED: [(&str, Spans); ${rows.length}] = [
${rows.join('\n')}
];
`)
