import { loadDockerApi } from '../driver/docker/engine.ts'

/** Loads the code that asks nodes, which takes a while and is otherwise loaded by the first of them; what builds is loaded when something is to be built. */
export async function loadDrivers(): Promise<void> {
  await loadDockerApi()
}
