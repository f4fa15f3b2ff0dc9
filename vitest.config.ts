import { defineConfig } from 'vitest/config'
import { SlowFirst } from './test/support/slow-first.ts'

export default defineConfig({
  test: {
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/support/generate.ts'],
          testTimeout: 30_000,
          isolate: false,
          // Most code runs a few times: compiling it well costs more than it gains
          execArgv: ['--interrupt-budget=500000'],
          maxWorkers: 2, // by itself vitest takes one on a machine of two processors
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.integration.ts'],
          globalSetup: ['test/support/generate.ts'],
          testTimeout: 240_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.ts'],
          globalSetup: ['test/e2e/support/setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          maxWorkers: 2, // they wait for daemons and archives as much as they compute
        },
      },
      {
        test: {
          name: 'sandbox',
          include: ['test/sandbox/**/*.sandbox.ts'],
          maxConcurrency: 3,
          globalSetup: ['test/e2e/support/setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          maxWorkers: 2, // they wait for daemons and archives as much as they compute
        },
      },
      {
        test: {
          name: 'arm-node',
          include: ['test/e2e/arm-node/*.arm-node.ts'],
          globalSetup: ['test/e2e/support/setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: 'accel-architectures',
          include: ['test/e2e/architectures/*.architectures.ts'],
          globalSetup: ['test/e2e/support/setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: 'monorepo',
          include: ['test/e2e/monorepo/*.monorepo.ts'],
          globalSetup: ['test/e2e/support/setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/*.faults.ts'],
          globalSetup: ['test/e2e/support/setup.ts'],
          testTimeout: 5_400_000,
          hookTimeout: 240_000,
          maxWorkers: 1, // each keeps both processors of a small machine at work
        },
      },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.conformance.ts'],
          globalSetup: ['test/conformance/support/setup.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          maxConcurrency: 3,
        },
      },
    ],
  },
})
