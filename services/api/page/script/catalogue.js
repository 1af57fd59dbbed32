// What is promised by whom: the agreements, found by name.

import { read } from "./reading.js";

const ADDRESS = "v1/agreements?limit=1000";

/** The agreements as the API lists them, with what is read of them. */
export const agreements = () => read(ADDRESS, { whole: true });

let indexed = { of: null, byName: new Map(), byObjective: new Map() };

function index() {
  const { data } = agreements();
  if (data !== null && indexed.of !== data) {
    const byName = new Map(data.items.map((own) => [own.agreement, own]));
    const byObjective = new Map(data.items.flatMap(
      (own) => own.objectives.map((objective) => [`${own.agreement}\n${objective.objective}`, objective]),
    ));
    indexed = { of: data, byName, byObjective };
  }
  return indexed;
}

/** An agreement by its name, undefined while it is not known. */
export const agreementOf = (name) => index().byName.get(name);

/** An objective of an agreement: its KPI, measure and window, undefined while it is not known. */
export const objectiveOf = (row) => index().byObjective.get(`${row.agreement}\n${row.objective}`);

/** What a value of the objective measures. */
export const measureOf = (row) => objectiveOf(row)?.measure;

const met = new Set();

/** All customers that agreements name, and those of groups that were seen under any filter. */
export function customersOf(states) {
  for (const own of index().byName.values()) met.add(own.parties.customer);
  for (const own of states) if (own.group.customer) met.add(own.group.customer);
  return [...met].sort((a, b) => a.localeCompare(b));
}
