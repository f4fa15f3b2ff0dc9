/** Does the work while something else goes on, and waits for both. What fails of the work comes first. */
export async function beside<T>(other: Promise<unknown>, work: () => Promise<T>): Promise<T> {
  const [done, aside] = await Promise.allSettled([work(), other])
  if (done.status === 'rejected') throw done.reason
  if (aside.status === 'rejected') throw aside.reason
  return done.value
}
