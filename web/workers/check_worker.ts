import { checkApi } from './checker.ts';
import { answerCalls } from './rpc.ts';

answerCalls(checkApi);
