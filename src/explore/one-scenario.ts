// SPDX-License-Identifier: GPL-2.0-only
/** One of the scenarios that a property is asked on: to see what its monitor looks at. */
import { sample } from 'fast-check';
import type { Property } from '../../properties/vocabulary.js';
import type { Scenario } from '../scenario/scenario.js';

export const oneScenario = ({ given }: Property): Scenario => sample(given.scenario, { numRuns: 1, seed: 1 })[0]!;
