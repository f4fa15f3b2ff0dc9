import type { Driver, NodeTest, TestOptions } from '../driver.ts'
import { buildJob } from './build-job.ts'
import { openDaemon, type BuildkitOptions, type Daemon } from './daemon.ts'
import { ABILITY } from './facts.ts'
import { engineImages } from './take-result.ts'
import { testByBuild } from './test-image.ts'

/** A BuildKit daemon as a driver. Loading this module loads the protobuf runtime: import it when a node is used. */
export function createBuildkitDriver(options: BuildkitOptions): Driver {
  const daemon = openDaemon(options)
  return {
    build: (job, driverOptions) => buildJob(daemon, job, driverOptions),
    test: (asked, testOptions) => testOn(daemon, asked, testOptions),
    // The transport belongs to whoever made it
    async close() {
      await daemon.kept.close()
      daemon.links.close()
    },
  }
}

/** Runs a command in a built image: as a step of a build where the daemon can, else in a container of its engine. */
async function testOn(daemon: Daemon, { job, ...asked }: NodeTest, { signal, onLine }: TestOptions): Promise<void> {
  const { facts, links, endpoint, kept } = daemon
  const build = await daemon.options.buildFor(job)
  if (facts.givesOci && facts.abilities.has(ABILITY.layouts))
    return testByBuild({ job, ...asked }, { build, facts, links, endpoint, signal, onLine })
  const name = kept.nameOf(asked.image)
  const run = { ...asked, name, options: build.options, cut: build.cut }
  return engineImages(daemon, build).test(run, { signal, onLine })
}
