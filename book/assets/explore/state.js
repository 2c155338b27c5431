// What is shown, as a state and as an address: a row for each key of the address.

const nearest = (options, wanted, by = x => x) => {
  let best = options[0];
  for (const x of options) if (Math.abs(by(x) - by(wanted)) < Math.abs(by(best) - by(wanted))) best = x;
  return best;
};
const log = x => Math.log(Math.min(x, 1e9)); // ∞ is far away, and not infinitely far

// `read` makes a value of a text; `mend` gives the nearest value that there is, from what was asked
// for, the data, and the keys above; `write` gives the text, or nothing where it goes without saying.
const KEYS = {
  reduction: {
    read: text => text,
    mend: (wanted, index) => (index.series.has(wanted) ? wanted : index.first),
    write: (value, index) => (value === index.first ? "" : value),
  },
  T: {
    read: text => (/^(∞|inf.*)$/i.test(text) ? Infinity : Number(text.replaceAll(",", ""))),
    mend: (wanted, index, { reduction }) =>
      nearest(index.series.get(reduction).sizes, wanted > 0 ? wanted : index.start, log),
    write: value => (value === Infinity ? "inf" : String(value)),
  },
  seed: {
    read: Number,
    mend: (wanted, index, { reduction, T }) => {
      const seeds = index.series.get(reduction).at(T).map(row => row.seed);
      return Number.isFinite(wanted) ? nearest(seeds, wanted) : seeds[0];
    },
    write: String,
  },
  // The end of the training is no step: it is what every training has.
  step: {
    read: text => (text === "" ? NaN : Number(text)),
    mend: wanted => (wanted >= 0 && Number.isFinite(wanted) ? Math.round(wanted) : null),
    write: value => (value === null ? "" : String(value)),
  },
  scale: {
    read: text => text,
    mend: wanted => (wanted === "common" ? "common" : "own"),
    write: value => (value === "common" ? value : ""),
  },
};

/** The nearest state that there is to one that is wanted, of which any part may be missing or odd. */
export function mend(wanted, index) {
  const state = {};
  for (const [key, { mend }] of Object.entries(KEYS)) state[key] = mend(wanted[key], index, state);
  if (!index.row(state).film) state.step = null;
  return state;
}

/** The state that an address such as #T=2000&seed=3 asks for. */
export function fromAddress(hash, index) {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const wanted = {};
  for (const [key, { read }] of Object.entries(KEYS)) if (asked.has(key)) wanted[key] = read(asked.get(key));
  return mend(wanted, index);
}

/** A state as an address. */
export function toAddress(state, index) {
  const parts = ["T", "seed", "reduction", "step", "scale"].map(key => [key, KEYS[key].write(state[key], index)]);
  return "#" + parts.filter(([, text]) => text).map(([key, text]) => `${key}=${text}`).join("&");
}

/** Whether an address speaks of a state, and not of a heading of the page. */
export const isState = hash => /^#(?:\w+=[^&]*)(?:&\w+=[^&]*)*$/.test(hash) || hash === "";

/** Keep the address: `show` while a control is moved, `keep` once it rests; `moved` hears of others. */
export function address(index, moved) {
  let resting = location.hash;
  const replace = hash => history.replaceState(null, "", hash || location.pathname + location.search);
  const listen = () => {
    if (!isState(location.hash)) return;
    resting = location.hash;
    moved(fromAddress(location.hash, index));
  };
  addEventListener("popstate", listen);
  return {
    show: state => replace(toAddress(state, index)),
    keep: state => {
      const hash = toAddress(state, index);
      if (hash === resting) return replace(hash);
      replace(resting); // what was shown on the way is no place to go back to
      history.pushState(null, "", hash);
      resting = hash;
    },
  };
}
