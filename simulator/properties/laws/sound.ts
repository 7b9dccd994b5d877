// The law without which no other one can be asked.
import { World } from '../world.js';
import { EVERY_FLAVOUR, type PlayedLaw } from './law.js';

export const SOUND: PlayedLaw = {
  name: 'sound',
  says: 'whatever happens, the engine comes to an end at every moment, nothing fails and no invariant of the model breaks',
  of: EVERY_FLAVOUR,
  check: (history) => void new World(history).play().settle(),
};
