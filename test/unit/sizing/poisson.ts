/** P(N >= least) for Poisson's N; by logarithms, so that a great mean does not vanish. */
export function poissonTail(mean: number, least: number): number {
  let [log, below] = [-mean, 0];
  for (let n = 0; n < least; n += 1) {
    below += Math.exp(log);
    log += Math.log(mean) - Math.log(n + 1);
  }
  return 1 - below;
}
