/** Whether this can be counted: a number from 0. One that is none would make every sum and every order that it gets into untrue. */
export function isAmount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}
