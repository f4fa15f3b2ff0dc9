interface Turns {
  takeTurn(name: string): Promise<() => Promise<void>>
  inTurn<T>(name: string, make: () => Promise<T>): Promise<T>
}

/** Waits until no other test file holds the turn `name`, and takes it; resolves to what ends it. */
export async function takeTurn(name: string): Promise<() => Promise<void>> {
  return (await turns()).takeTurn(name)
}

/** Runs `make` while no other test file runs what has the same name. */
export async function inTurn<T>(name: string, make: () => Promise<T>): Promise<T> {
  return (await turns()).inTurn(name, make)
}

async function turns(): Promise<Turns> {
  return (await import('../../support/in-turn.mjs' as string)) as Turns
}
