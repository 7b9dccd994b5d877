// All laws, by name, in the order in which they are checked and told.
import { agreesWithReference } from './laws/referee.js';
import { cutAnywhere } from './laws/cut.js';
import { together, wholeOrAbsent } from './laws/gangs.js';
import { asAsked, oneOwner, promisedOnce, stores } from './laws/holdings.js';
import type { Law, WatchedLaw } from './laws/law.js';
import { noIdling } from './laws/idle.js';
import { keepsPart, partLimits, reachesPart } from './laws/parts.js';
import { fixedWork, limits, userLimits } from './laws/quotas.js';
import { evictedOnce, explained, noRevenge, nothingMissed, reachesGuarantee, settles } from './laws/rest.js';
import { anyOrder, freshView, sameAgain, whatIf } from './laws/sameness.js';
import { keepsCells, sharingSafety } from './laws/shapes.js';
import { SOUND } from './laws/sound.js';
import { fairVictims, legalVictims, minRuntime, nothingBelowGuarantee, surplusFirst } from './laws/victims.js';

export const WATCHED: readonly WatchedLaw[] = [
  oneOwner,
  stores,
  promisedOnce,
  asAsked,
  wholeOrAbsent,
  together,
  limits,
  fixedWork,
  userLimits,
  partLimits,
  keepsPart,
  legalVictims,
  nothingBelowGuarantee,
  fairVictims,
  minRuntime,
  surplusFirst,
  nothingMissed,
  noIdling,
  explained,
  reachesGuarantee,
  reachesPart,
  sharingSafety,
  keepsCells,
];

export const LAWS: readonly Law[] = [
  SOUND,
  ...WATCHED,
  settles,
  evictedOnce,
  noRevenge,
  sameAgain,
  freshView,
  anyOrder,
  whatIf,
  cutAnywhere(WATCHED),
  agreesWithReference,
];
