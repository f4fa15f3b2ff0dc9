import { describe, expect, test } from 'vitest'
import { pageOf, RULES } from '../../../src/dockerfile/checks/rules.ts'
import { findings, checkText, type CheckOptions } from './check-text.ts'

type Case = readonly [text: string, lines: readonly number[], options?: CheckOptions]

/**
 * By rule: Dockerfiles, and the lines where the rule finds something. BuildKit 0.26 (docker 28.5) finds the same, but
 * for what says "ours".
 */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  StageNameCasing: [
    ['FROM scratch AS Base', [1]],
    ['FROM scratch AS base\nFROM base', []],
  ],
  FromAsCasing: [
    ['FROM scratch as a', [1]],
    ['from scratch AS a', [1]],
    ['from scratch as a', []],
    ['FROM scratch AS a', []],
    ['From scratch aS a', []],
  ],
  NoEmptyContinuation: [
    ['FROM scratch\nRUN a \\\n\n  b \\\n\n\n  c\nCOPY x \\\n\n /y', [3, 9]],
    ['FROM scratch\nRUN a \\\n  # comment\n  b\n\n', []],
    ['FROM scratch\nRUN <<EOF\na\n\nb\nEOF', []],
  ],
  ConsistentInstructionCasing: [
    ['from scratch AS a\nFROM scratch\nFrom scratch\ncopy a /b\nCOPY a /b\nCopy a /b\nUSER a\nUSER b', [1, 3, 4, 6]],
    ['arg x=1\nfrom scratch\ncopy a /b\nCOPY a /b', [4]],
    ['arg x=1\nARG y=1\nFROM scratch\nONBUILD copy a b', []],
  ],
  DuplicateStageName: [
    ['FROM scratch AS a\nFROM scratch AS a\nFROM scratch AS A', [2, 3]],
    ['FROM scratch AS a\nFROM scratch AS b\nFROM scratch\nFROM scratch', []],
  ],
  ReservedStageName: [
    ['FROM busybox AS context\nFROM busybox AS Scratch', [1, 2]],
    ['FROM scratch AS contexts', []],
  ],
  JSONArgsRecommended: [
    ['FROM scratch\nCMD a\nHEALTHCHECK CMD x\nENTRYPOINT exec x', [2, 4]],
    ['FROM scratch\nCMD ["a"]\nENTRYPOINT []', []],
    ['FROM scratch AS a\nSHELL ["/bin/bash", "-c"]\nCMD a\nFROM a\nENTRYPOINT b', []],
    ['FROM scratch\nCMD a\nSHELL ["/bin/bash", "-c"]', [2]],
    ['FROM base\nCMD a', [], { base: { config: { Shell: ['powershell'] } } }],
  ],
  MaintainerDeprecated: [
    ['FROM scratch\nMAINTAINER me', [2]],
    ['FROM scratch\nLABEL org.opencontainers.image.authors=me', []],
  ],
  UndefinedArgInFrom: [
    ['FROM busybox:${X}1\nFROM ${IMG:-scratch}', [1, 2]],
    ['FROM --platform=${TARGETPLAFORM:-linux/amd64} scratch', [1]],
    ['ARG V\nFROM busybox:${V:-1}\nFROM --platform=$BUILDPLATFORM scratch', []],
  ],
  WorkdirRelativePath: [
    ['FROM scratch AS a\nWORKDIR a\nWORKDIR b\nFROM a\nWORKDIR c', [2]],
    ['FROM scratch AS a\nWORKDIR /a\nWORKDIR b\nFROM a AS b\nFROM b\nWORKDIR c', []],
    ['FROM scratch\nARG X=/a\nWORKDIR $X/b\nWORKDIR "/c"', []],
    ['FROM scratch\nWORKDIR "c d"', [2]],
    ['# escape=`\nFROM base\nWORKDIR C:\\app', []],
  ],
  UndefinedVar: [
    [
      'FROM scratch\nENV A=$X B=${Y} C=${Z:-d}\nWORKDIR /$W\nCOPY $V /x\nCOPY --chown=$U x /y\nRUN --mount=type=cache,target=/x$T echo $S',
      [2, 2, 2, 3, 4, 5, 6],
    ],
    ['FROM scratch\nCOPY <<A <<"B" /d/\n$X\nA\n$Y\nB\nRUN <<EOF\n$Z\nEOF', [2]],
    ["FROM scratch\nARG X\nENV A=$X\nENV B=$PATH C=\\$Y D='$Z'", []],
    ['FROM scratch AS a\nARG X=1\nENV Y=1\nFROM a\nENV Z=$X$Y', []],
    ['ARG V=1\nFROM unknown:$V\nENV A=$V B=$TARGETARCH', [3, 3]],
    // Ours: nothing is known of the base, and the variable is one that the author expects to be unset.
    ['FROM unknown\nENV A=$JAVA_HOME/bin', []],
    ['FROM base\nENV A=$JAVA_HOME/bin', [2], { base: { config: {} } }],
    ['FROM base\nENV A=$JAVA_HOME/bin', [], { base: { config: { Env: ['JAVA_HOME=/j'] } } }],
    ['FROM scratch\nENV P=/a${P:+:$P}', []],
    ['FROM scratch\nENV P=/a:$P', [2]],
    ['FROM scratch\nEXPOSE ${PORT:-80}', []],
  ],
  MultipleInstructionsDisallowed: [
    [
      'FROM scratch AS a\nCMD ["a"]\nCMD ["b"]\nCMD ["c"]\nENTRYPOINT ["a"]\nENTRYPOINT ["b"]\nHEALTHCHECK NONE\nHEALTHCHECK NONE',
      [2, 3, 5, 7],
    ],
    ['FROM scratch AS a\nCMD ["a"]\nFROM a\nCMD ["b"]', []],
  ],
  LegacyKeyValueFormat: [
    ['FROM scratch\nENV a b c\nLABEL a b\nENV x=y\nENV a "b=c"', [2, 3, 5]],
    ['FROM scratch\nENV a=b c="d e"\nLABEL a=b', []],
  ],
  InvalidBaseImagePlatform: [
    ['FROM base', [1, 1], { base: { otherPlatforms: ['linux/s390x'] } }],
    ['FROM base', [], { base: { config: {} } }],
  ],
  RedundantTargetPlatform: [
    ['FROM --platform=$TARGETPLATFORM a\nFROM --platform="${TARGETPLATFORM:-linux/amd64}" b', [1, 2]],
    ['FROM --platform=$BUILDPLATFORM a\nFROM --platform=$TARGETOS/$TARGETARCH b', []],
    ['FROM --platform=$TARGETPLATFORM a', [], { buildArgs: { TARGETPLATFORM: 'linux/s390x' } }],
  ],
  SecretsUsedInArgOrEnv: [
    ['FROM scratch\nARG API_KEY\nENV GITHUB_TOKEN=x password=y\nENV SECRET x', [2, 3, 3, 4]],
    ['ARG TOKEN\nFROM scratch\nENV AUTHOR=a KEYRING=b TOKENS=c MONKEY=d', []],
    // Not in docker 28.5 yet, but in BuildKit's newer front ends.
    ['FROM scratch\nENV PUBLIC_KEY=a KEY_FILE=b SECRET_VERSION=1', []],
  ],
  InvalidDefaultArgInFrom: [
    [
      'ARG TAG\nARG BAD=UPPER/Case\nARG IMG\nFROM busybox:$TAG\nFROM ${BAD}\nFROM $IMG',
      [4, 5, 6],
      { buildArgs: { TAG: '1', BAD: 'x', IMG: 'y' } },
    ],
    ['ARG V=1\nARG IMG\nFROM busybox:$V\nFROM ${IMG:-scratch}\nFROM scratch', []],
  ],
  FromPlatformFlagConstDisallowed: [
    ['FROM --platform=linux/amd64 a\nFROM --platform=arm64 b AS x', [1, 2]],
    ['FROM --platform=linux/amd64 a AS build_amd64\nFROM --platform=linux/arm64 a AS linux', []],
    ['ARG P=linux/amd64\nFROM --platform=$P a', []],
  ],
  CopyIgnoredFile: [
    [
      'FROM scratch\nCOPY bar /\nADD bar/x /\nCOPY ["./a.tmp", "/"]\nCOPY /bar/* /\nCOPY sub/x /',
      [2, 3, 4, 5, 6],
      { ignore: '*.tmp\nbar\nsub/x' },
    ],
    [
      'FROM scratch AS a\nCOPY . /\nCOPY foo sub /\nCOPY *.tmp /\nFROM scratch\nCOPY --from=a bar /\nADD https://example.com/bar /',
      [],
      { ignore: '*.tmp\nfoo\n!foo/keep\nbar\nsub/x' },
    ],
    // Ours: a folder of which something is brought back, or the context itself, is not left out.
    ['FROM scratch\nCOPY . /\nCOPY src /\nCOPY src/a /\nCOPY y /', [5], { ignore: '*\n!x\n!src/**' }],
    ['FROM scratch\nCOPY x /', []],
  ],
  InvalidDefinitionDescription: [
    [
      '# check=experimental=all\n# bar is it\nARG foo=1\n# the stage\nFROM scratch AS base\n# hm\nARG a=1 b=2',
      [3, 5, 7],
    ],
    [
      '# check=experimental=InvalidDefinitionDescription\n# foo is it\nARG foo\n# base does it\nFROM scratch AS base\n# other\n\nARG x\n# any\nFROM scratch',
      [],
    ],
    ['# hm\nFROM scratch AS base', []],
  ],
  ExposeProtoCasing: [
    ['FROM scratch\nENV P=80/TCP\nEXPOSE 81/Udp 82/udp\nEXPOSE $P', [3, 4]],
    ['FROM scratch\nEXPOSE 80 81/tcp 90-92/udp', []],
  ],
  ExposeInvalidFormat: [
    ['FROM scratch\nEXPOSE 127.0.0.1:80:80\nEXPOSE 8080:80 [::1]:80:80', [2, 3, 3]],
    ['FROM scratch\nEXPOSE 80 8000-8010', []],
  ],
  PlatformArgDefaultDisallowed: [
    [
      'ARG TARGETPLATFORM=linux/amd64\nFROM scratch\nARG TARGETARCH=amd64\nARG TARGETVARIANT=""\nARG TARGETOS=windows',
      [1, 3, 4, 5],
    ],
    ['ARG TARGETARCH=${TARGETARCH:-amd64}\nFROM scratch\nARG TARGETARCH\nARG TARGETOS=linux\nARG ARCH=amd64', []],
  ],
  DownloadPlatformMismatch: [
    ['FROM base\nRUN curl -LO https://example.com/v1/tool-linux-amd64.tar.gz', [2]],
    ['FROM base\nRUN apt-get update \\\n && wget -q https://example.com/tool_x86_64.deb && dpkg -i tool*', [2]],
    ['FROM base\nARG ARCH=x64\nENV V=1\nRUN curl -f "https://example.com/tool-${V}-linux-$ARCH.tgz" | tar xz', [4]],
    ['FROM base\nADD https://example.com/s6-overlay-aarch64.tar.xz /', [2]],
    ['FROM base\nRUN curl -O https://example.com/tool-amd64', [], { platforms: ['linux/amd64'] }],
    ['FROM --platform=$BUILDPLATFORM base\nRUN curl -O https://example.com/tool-amd64', []],
    ['FROM base\nARG TARGETARCH\nRUN curl -O https://example.com/tool-$TARGETARCH', []],
    ['FROM base\nRUN if [ "$(uname -m)" = x86_64 ]; then curl -O https://example.com/tool-amd64; fi', []],
    [
      'FROM base\nRUN case "$(dpkg --print-architecture)" in amd64) a=x64;; esac; curl -O https://example.com/tool-x64',
      [],
    ],
    ['FROM base\nRUN ARCH=$(get); curl -O https://example.com/tool-$ARCH', []],
    ['FROM base\nRUN curl -O https://example.com/tool-amd64 -O https://example.com/tool-arm64', []],
    ['FROM base\nRUN curl -O https://amd64.example.com/tool.tar.gz', []],
    ['FROM base\nRUN echo see https://example.com/tool-amd64', []],
  ],
  TargetPlatformConstDisallowed: [
    ['FROM golang\nRUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o /app', [2]],
    ['FROM golang\nENV GOOS=linux GOARCH="amd64"\nRUN go build', [2]],
    ['FROM --platform=$BUILDPLATFORM rust\nRUN cargo build --release --target x86_64-unknown-linux-musl', [2]],
    ['FROM golang\nRUN GOOS=windows go build', [2, 2]],
    ['FROM golang\nRUN CGO_ENABLED=0 GOOS=linux go build', []],
    [
      'FROM golang\nARG TARGETOS TARGETARCH\nRUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build\nENV GOARCH=$TARGETARCH',
      [],
    ],
    ['FROM golang\nRUN GOARCH=amd64 go build -o a && GOARCH=arm64 go build -o b', []],
    ['FROM golang\nRUN GOARCH=amd64 go build', [], { platforms: ['linux/amd64'] }],
  ],
}

test('every rule has cases that it finds and cases that it does not', () => {
  expect(Object.keys(CASES)).toEqual(RULES.map(({ name }) => name))
  for (const cases of Object.values(CASES)) {
    expect(cases.some(([, lines]) => lines.length > 0)).toBe(true)
    expect(cases.some(([, lines]) => lines.length === 0)).toBe(true)
  }
})

describe.each(Object.entries(CASES))('%s', (rule, cases) => {
  test.each(cases.map(([text, lines, options]) => ({ text, lines, options })))('$text', ({ text, lines, options }) => {
    const own = findings(`${text}\n`, options).filter((finding) => finding.startsWith(`${rule}:`))
    expect(own).toEqual(lines.map((line) => `${rule}:${line}`))
  })
})

test('messages name the thing, and every finding has a way out', () => {
  const all = checkText(
    'FROM scratch AS Base\nENV A=$B\nENV FOO_BAR=1\nENV C=$FOO_BAZ\nARG TARGETARCH=amd64\nCMD run\n',
  )
  expect(all.map(({ rule, severity, message, hint }) => [rule, severity, message, hint])).toMatchSnapshot()
})

test("each of BuildKit's rules but one has a page, and none of ours", () => {
  expect(pageOf('JSONArgsRecommended')).toBe('https://docs.docker.com/go/dockerfile/rule/json-args-recommended/')
  expect(pageOf('SecretsUsedInArgOrEnv')).toBe('https://docs.docker.com/go/dockerfile/rule/secrets-used-in-arg-or-env/')
  const without = RULES.filter(({ name }) => pageOf(name) === undefined).map(({ name, own = false }) => [name, own])
  expect(without.filter(([, own]) => !own)).toEqual([['InvalidBaseImagePlatform', false]])
  expect(without.filter(([, own]) => own)).toHaveLength(RULES.filter(({ own }) => own).length)
})
