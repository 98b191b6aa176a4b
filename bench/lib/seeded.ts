export { seededNumbers } from "../../src/sizing/seeded.js";

/** Chooses one of several, each as often as its weight among the sum of all. @param number from 0 and below 1 */
export function weighted<Name extends string>(weights: Readonly<Record<Name, number>>, number: number): Name {
  const entries = Object.entries(weights) as [Name, number][];
  let left = number * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  throw new RangeError(`${number} is not from 0 and below 1, or no weight is above 0`);
}
