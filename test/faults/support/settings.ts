/** How often each is done, and how many side by side; XBUILD_FAULTS_PART=0.1 does a tenth. */
const part = Number(process.env['XBUILD_FAULTS_PART'] ?? 1)

export const COUNT = {
  publishes: Math.ceil(1000 * part),
  lanes: 16,
  kills: Math.ceil(200 * part),
  races: Math.ceil(50 * part),
}

/** The seed of this run: XBUILD_FAULTS_SEED, or a new one, which is printed. */
export function seedOf(): number {
  const given = process.env['XBUILD_FAULTS_SEED']
  const seed = given === undefined ? Date.now() % 1_000_000_000 : Number(given)
  console.log(`XBUILD_FAULTS_SEED=${seed}`)
  return seed
}
