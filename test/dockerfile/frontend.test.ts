import { describe, expect, test } from 'vitest'
import { checkFrontend } from '../../src/dockerfile/frontend.ts'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'

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
    expect(() => frontendOf(text)).toThrow(expect.objectContaining({
      code: 'UNSUPPORTED', message: expect.stringContaining('Cannot use syntax "'), hint: expect.stringContaining('docker buildx'), at: { file: 'Dockerfile', line },
    }))
  })
})

test('the build argument wins over the file', () => {
  expect(() => frontendOf('# syntax=docker/dockerfile:1', { BUILDKIT_SYNTAX: 'example.com/x' })).toThrow(/Cannot use BUILDKIT_SYNTAX "example.com\/x"/)
  expect(() => frontendOf('# syntax=example.com/x', { BUILDKIT_SYNTAX: 'docker/dockerfile:1.9' })).not.toThrow()
})
