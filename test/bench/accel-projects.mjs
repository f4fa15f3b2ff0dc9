import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { debianArchive, fetchSource } from './debian-source.mjs'

/**
 * Projects with a Dockerfile that knows nothing of other platforms: the base image (`toolchain-base.mjs`), and how
 * the context is written.
 */
export const PROJECTS = {
  lua: {
    about: 'Lua, with make and gcc -O2',
    base: 'toolchain',
    async write(context) {
      if (!existsSync(join(context, 'lua'))) await fetchSource('lua5.4', { folder: context, name: 'lua' })
      await writeFiles(context, {
        Dockerfile: `FROM toolchain AS build
WORKDIR /src
COPY lua .
RUN make -C src -j2 linux MYLIBS= MYCFLAGS= SYSCFLAGS="-DLUA_USE_LINUX" SYSLIBS="-Wl,-E -ldl"
RUN src/lua -e 'print(6 * 7)'
FROM scratch
COPY --from=build /src/src/lua /
`,
      })
    },
  },
  apt: {
    about: 'apt-get update and install of make and Python',
    base: 'apt',
    async write(context) {
      const { uri, suite, components, keyring } = await debianArchive()
      await writeFiles(context, {
        'debian.sources': `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: ${components}\nSigned-By: ${keyring}\n`,
        Dockerfile: `FROM apt AS build
COPY debian.sources /etc/apt/sources.list.d/
RUN apt-get update && apt-get install -y --no-install-recommends make python3-minimal
FROM scratch
COPY --from=build /usr /usr
COPY --from=build /etc /etc
`,
      })
    },
  },
  go: {
    about: 'a Go module of three packages, with what it takes of the standard library',
    base: 'golang',
    write: (context) =>
      writeFiles(context, {
        Dockerfile: `FROM golang AS build
WORKDIR /src
COPY . .
RUN go build -o /out/tally ./cmd/tally
RUN echo "a b a" | /out/tally
FROM scratch
COPY --from=build /out/tally /
`,
        'go.mod': 'module example.com/tally\n\ngo 1.24\n',
        'cmd/tally/main.go': `package main

import (
	"fmt"
	"os"

	"example.com/tally/count"
	"example.com/tally/report"
)

func main() {
	counts, err := count.Read(os.Stdin)
	if err == nil {
		err = report.Write(os.Stdout, counts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`,
        'count/count.go': `// Package count counts words.
package count

import (
	"bufio"
	"io"
	"regexp"
	"strings"
)

var word = regexp.MustCompile(\`\\pL+\`)

// Read counts the words of a text.
func Read(text io.Reader) (map[string]int, error) {
	counts := map[string]int{}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		for _, found := range word.FindAllString(lines.Text(), -1) {
			counts[strings.ToLower(found)]++
		}
	}
	return counts, lines.Err()
}
`,
        'report/report.go': `// Package report prints counts.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"text/tabwriter"
)

type row struct {
	Word  string \`json:"word"\`
	Count int    \`json:"count"\`
}

// Write prints counts as a table and as JSON, the largest first.
func Write(to io.Writer, counts map[string]int) error {
	rows := make([]row, 0, len(counts))
	for word, count := range counts {
		rows = append(rows, row{word, count})
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Count > rows[j].Count || rows[i].Count == rows[j].Count && rows[i].Word < rows[j].Word })
	table := tabwriter.NewWriter(to, 0, 8, 1, ' ', 0)
	for _, one := range rows {
		fmt.Fprintf(table, "%s\\t%d\\n", one.Word, one.Count)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return json.NewEncoder(to).Encode(rows)
}
`,
      }),
  },
}

async function writeFiles(folder, files) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}
