import { existsSync } from 'node:fs'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runOk } from '../../../examples/setup/process.mjs'
import { debianArchive, fetchSource } from '../debian-source.mjs'
import { SUITES } from './base.mjs'

const C = ['gcc', 'libc6-dev', 'make', 'file']
const AUTOTOOLS = [...C, 'autoconf', 'automake', 'libtool', 'autopoint', 'gettext', 'texinfo', 'help2man', 'm4', 'perl']

/** Projects of others, with Dockerfiles that know nothing of platforms: packages of the base, and how a context is written. */
export const PROJECTS = {
  bzip2: {
    about: 'a plain Makefile: bzip2',
    packages: C,
    write: (context) =>
      source(context, 'bzip2', 'make CC=gcc bzip2 bzip2recover && install -D -t /out bzip2 bzip2recover'),
  },
  hello: {
    about: 'autotools with autoreconf: GNU hello',
    packages: AUTOTOOLS,
    write: (context) => source(context, 'hello', 'autoreconf -fi && ./configure && make && make install DESTDIR=/out'),
  },
  jansson: {
    about: 'autotools with autoreconf and libtool: Jansson',
    packages: AUTOTOOLS,
    write: (context) =>
      source(context, 'jansson', 'autoreconf -fi && ./configure && make && make install DESTDIR=/out'),
  },
  tinyxml2: {
    about: 'CMake and C++: TinyXML-2',
    packages: [...C, 'g++', 'cmake'],
    write: (context) =>
      source(context, 'tinyxml2', 'cmake -S . -B build && cmake --build build && DESTDIR=/out cmake --install build'),
  },
  inih: {
    about: 'Meson: inih',
    packages: [...C, 'g++', 'meson', 'ninja-build', 'pkgconf'],
    write: (context) =>
      source(context, 'libinih', 'meson setup build && ninja -C build && DESTDIR=/out meson install -C build'),
  },
  cobra: {
    about: 'Go with modules vendored: a program with Cobra',
    packages: ['golang-go', 'gcc', 'libc6-dev'],
    write: writeCobra,
  },
  node: {
    about: 'Node with pure and native packages',
    packages: [...C, 'g++', 'nodejs', 'libnode-dev', 'python3'],
    write: writeNode,
  },
  apt: {
    about: 'apt-get install of a small desktop',
    packages: [],
    write: (context, { release }) => writeInstall(context, release, 'openbox xterm python3-minimal curl git'),
  },
  curl: {
    about: 'apt-get install of curl and Python',
    packages: [],
    write: (context, { release }) => writeInstall(context, release, 'python3-minimal curl'),
  },
}

async function source(context, name, script) {
  if (!existsSync(join(context, 'src'))) await fetchSource(name, { folder: context, name: 'src' })
  await writeFiles(context, {
    Dockerfile: `FROM base AS build\nWORKDIR /src\nCOPY src .\nRUN ${script}\nFROM scratch\nCOPY --from=build /out /\n`,
  })
}

async function writeInstall(context, release, packages) {
  const { uri, components, keyring } = await debianArchive()
  await writeFiles(context, {
    'debian.sources': `Types: deb\nURIs: ${uri}\nSuites: ${SUITES[release]}\nComponents: ${components}\nSigned-By: ${keyring}\n`,
    Dockerfile: `FROM base AS build
RUN rm -f /etc/apt/sources.list
COPY debian.sources /etc/apt/sources.list.d/
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages}
FROM scratch
COPY --from=build /usr /usr
COPY --from=build /etc /etc
COPY --from=build /var/lib/dpkg /var/lib/dpkg
`,
  })
}

/** Vendored as "go mod vendor" would, from Debian's sources of the modules. */
async function writeCobra(context) {
  const modules = { cobra: 'v1.8.1', pflag: 'v1.0.6' }
  for (const name of Object.keys(modules)) {
    const folder = join(context, 'vendor/github.com/spf13', name)
    if (existsSync(folder)) continue
    await fetchSource(`golang-github-spf13-${name}`, { folder: context, name: `.${name}` })
    await cp(join(context, `.${name}`), folder, { recursive: true, filter: (path) => !path.endsWith('_test.go') })
    await rm(join(context, `.${name}`), { recursive: true })
    for (const unused of ['doc', 'site', 'verify']) await rm(join(folder, unused), { recursive: true, force: true })
  }
  const entries = Object.entries(modules).map(([name, version]) => [`github.com/spf13/${name}`, version])
  await writeFiles(context, {
    'go.mod': `module example.com/greet\n\ngo 1.18\n\nrequire (\n${entries.map((one) => `\t${one.join(' ')}\n`).join('')})\n`,
    'vendor/modules.txt': entries.map(([path, version]) => `# ${path} ${version}\n## explicit\n${path}\n`).join(''),
    'main.go': `package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	var name string
	root := &cobra.Command{Use: "greet", Run: func(_ *cobra.Command, _ []string) { fmt.Println("Hello", name) }}
	root.Flags().StringVar(&name, "name", "world", "who is greeted")
	if root.Execute() != nil {
		os.Exit(1)
	}
}
`,
    Dockerfile:
      'FROM base AS build\nWORKDIR /src\nCOPY . .\nRUN go build -mod=vendor -o /out/greet .\nFROM scratch\nCOPY --from=build /out /\n',
  })
}

/** With npm of this machine, and all packages in npm's cache in the context: the build needs no registry. */
async function writeNode(context) {
  await writeFiles(context, {
    'package.json': JSON.stringify({
      name: 'app',
      version: '1.0.0',
      private: true,
      dependencies: { express: '4.21.2', lodash: '4.17.21', 'utf-8-validate': '5.0.10' },
    }),
    'index.js': "require('express'); require('utf-8-validate'); console.log(require('lodash').camelCase('it works'))\n",
    Dockerfile: `FROM base AS build
WORKDIR /app
COPY . .
RUN node npm/bin/npm-cli.js ci --offline --cache=cache --build-from-source --nodedir=/usr/include/nodejs && node index.js
FROM scratch
COPY --from=build /app/node_modules /node_modules
`,
  })
  if (existsSync(join(context, 'npm'))) return
  const npm = join((await runOk('npm', ['root', '--global'])).trim(), 'npm')
  await runOk('npm', ['install', '--package-lock-only', '--no-audit'], { cwd: context })
  await runOk('npm', ['ci', '--ignore-scripts', '--no-audit', `--cache=${join(context, 'cache')}`], { cwd: context })
  await rm(join(context, 'node_modules'), { recursive: true })
  await cp(npm, join(context, 'npm'), { recursive: true })
}

async function writeFiles(folder, files) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}
