// Sums terms with an error that does not grow with their number, so laws over huge vocabularies
// still sum to one. Source: Neumaier 1974, "Rundungsfehleranalyse einiger Verfahren zur Summation
// endlicher Summen", variant IV.

/**
 * Compensated sum of finite terms: relative error about 2^-53 for terms of one sign, however many
 * there are.
 *
 * @param values [n], finite.
 */
export function sumOf(values: Float64Array): number {
  let sum = 0;
  let lost = 0;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}
