import { describe, expect, test } from 'vitest'
import { checkFrontend, foreignFrontend, opaqueDockerfile } from '../../src/dockerfile/frontend.ts'
import { buildStageGraph } from '../../src/dockerfile/graph.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { classicLimit } from '../../src/plan/classic-limits.ts'
import { parsePlatform } from '../../src/platform.ts'

const frontendOf = (text: string, buildArgs: Record<string, string> = {}) =>
  checkFrontend(parseDockerfile(`${text}\nFROM scratch\n`, { file: 'Dockerfile' }).dockerfile, buildArgs)

const DIGEST = `sha256:${'0'.repeat(64)}`

describe('its own language', () => {
  test.each([
    [''],
    ['# syntax=docker/dockerfile:1'],
    ['# syntax = docker/dockerfile'],
    ['#syntax=docker.io/docker/dockerfile:1.7-labs'],
    ['# syntax=index.docker.io/docker/dockerfile:1'],
    [`# syntax=docker/dockerfile:1@${DIGEST}`],
    [`# syntax=docker/dockerfile@${DIGEST}`],
    ['# syntax=docker/dockerfile-upstream:master'],
    ['# syntax=docker/dockerfile:1 --with arguments'],
  ])('%s', (text) => {
    expect(() => frontendOf(text)).not.toThrow()
  })
})

describe('another frontend', () => {
  test.each([
    ['# syntax=example.com/docker/dockerfile:1', 1],
    ['#!/usr/bin/env build\n# escape=\\\n# syntax=tonistiigi/other', 3],
    ['# syntax=docker/dockerfile-copy', 1],
    ['# syntax=dockerfile', 1],
    ['# syntax=///', 1],
  ])('%s', (text, line) => {
    expect(() => frontendOf(text)).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: expect.stringContaining('Cannot use syntax "'),
        hint: expect.stringContaining('only on BuildKit nodes, with --builder'),
        at: { file: 'Dockerfile', line },
      }),
    )
  })
})

test('the build argument wins over the file', () => {
  expect(() => frontendOf('# syntax=docker/dockerfile:1', { BUILDKIT_SYNTAX: 'example.com/x' })).toThrow(
    /Cannot use BUILDKIT_SYNTAX "example.com\/x"/,
  )
  expect(() => frontendOf('# syntax=example.com/x', { BUILDKIT_SYNTAX: 'docker/dockerfile:1.9' })).not.toThrow()
})

test('a node with BuildKit gets the image, and what follows it', () => {
  const { dockerfile } = parseDockerfile('# syntax=example.com/x:1 a=b  c\n{"no": "Dockerfile"}\n', { file: 'file' })
  const frontend = foreignFrontend(dockerfile, {})!
  expect(frontend).toEqual({
    image: 'example.com/x:1',
    cmdline: 'example.com/x:1 a=b  c',
    at: { file: 'file', line: 1 },
  })
  expect(foreignFrontend(dockerfile, { BUILDKIT_SYNTAX: 'docker/dockerfile:1' })).toBeUndefined()
  const opaque = opaqueDockerfile(dockerfile, { frontend, target: 'Some' })
  const target = parsePlatform('linux/arm64')
  const { graph, diagnostics } = buildStageGraph(opaque, {
    target,
    buildPlatform: parsePlatform('linux/amd64'),
    buildArgs: {},
    namedContexts: [],
    targetStage: 'Some',
  })
  expect(diagnostics).toEqual([])
  expect(graph.stages).toMatchObject([{ name: 'some', platform: target, needs: [] }])
  expect(classicLimit(graph, 'docker')).toEqual({
    what: 'the syntax of example.com/x:1',
    at: { file: 'file', line: 1 },
  })
})
