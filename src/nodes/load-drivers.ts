import { loadDockerApi } from '../driver/docker/engine.ts'

/** Loads the code that asks nodes, which takes a while and is otherwise loaded by the first of them. */
export async function loadDrivers(): Promise<void> {
  await Promise.all([loadDockerApi(), import('../driver/buildkit/probe.ts'), import('../driver/buildkit/buildkit.ts')])
}
