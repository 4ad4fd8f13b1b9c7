import { AFFINE_PROFILES, findAffineProfile, findLink } from '@routesim/hardware'
import * as z from 'zod'
import { integer, notNegative, oneOf, positive, show, table, text } from './fields.js'

/** Says at which line a name is in no catalogue. */
export function inCatalogue(find: (name: string) => unknown) {
  return (name: string, context: z.RefinementCtx): void => {
    try {
      find(name)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
    }
  }
}

const piecewise = table({
  kind: z.literal('piecewise').default('piecewise').describe('Step time from throughput figures.'),
  prefill_tokens_per_sec: positive().default(50000).describe('Prompt tokens computed per second.'),
  decode_tokens_per_sec_batch1: positive()
    .default(80)
    .describe('Output tokens per second of a lone request.'),
  decode_throughput_saturation_batch: integer(1)
    .default(64)
    .describe('Batch size from which output throughput grows no further.'),
  decode_tokens_per_sec_saturated: positive()
    .default(3200)
    .describe('Output tokens per second of a saturated batch, all requests together.'),
})

const affine = table({
  kind: z
    .literal('affine')
    .describe('Step time = a + b·prefill tokens + c·decoding requests + d·their context tokens.'),
  base_ms: notNegative().describe('a, in ms per step.'),
  prefill_ms_per_token: notNegative().describe('b, in ms per prompt token computed.'),
  decode_ms_per_request: notNegative().describe('c, in ms per decoding request.'),
  decode_ms_per_context_token: notNegative()
    .default(0)
    .describe(
      'd, in ms per token of context of the decoding requests, the token that each computes included.',
    ),
  mixed_decode_ms_per_context_token: notNegative()
    .optional()
    .describe('d in steps that hold prompt tokens too; as in others when absent.'),
  prefill_ms_per_attention_pair: notNegative()
    .default(0)
    .describe('In ms per pair of a prompt token and a token it attends to, cached ones included.'),
})

const profile = table({
  kind: z.literal('profile').describe('An affine fit of published measurements.'),
  name: text()
    .superRefine(inCatalogue(findAffineProfile))
    .describe(`Name of the fit, such as "${AFFINE_PROFILES[9]!.name}".`),
})

const roofline = table({
  kind: z
    .literal('roofline')
    .describe('Step time from public figures of the model and the GPU; needs a model.'),
  granularity: oneOf(['step', 'operator'])
    .default('step')
    .describe('Whether all matrix products share one roofline or each kernel has its own.'),
  host_ms_per_request: notNegative()
    .optional()
    .describe('Host work per sequence and step, in ms; default as the engine.'),
  host_ms_per_step: notNegative()
    .default(0)
    .describe(
      'Host work of a step that the GPUs wait for, in ms; 0 fits engines that schedule ahead, as vLLM does from 0.14 on. Before, 0.46 was measured on one GPU and 2.5 on several.',
    ),
  launch_ms_per_layer: notNegative()
    .optional()
    .describe(
      'Host time to launch the kernels of a layer one by one, in ms, which each layer takes at least in steps with prompts; default as the engine: 0.46, and 1.35 for mixtures on SGLang and those with latent attention on TensorRT-LLM.',
    ),
  prompt_graph_tokens: integer(0)
    .optional()
    .describe(
      'Tokens of a step with prompts up to which CUDA graphs take the place of launches; default as the engine: 512 for vLLM, else 0. As high as the graphs reach where prompts have piecewise ones.',
    ),
  cuda_graphs: oneOf(['full', 'piecewise'])
    .default('full')
    .describe(
      'Whether the kernels of a step are one CUDA graph, as vLLM has it from 0.11 on, or end at each attention, as before.',
    ),
  link: text()
    .superRefine(inCatalogue(findLink))
    .optional()
    .describe("Link between the GPUs of a backend; default the GPU's own."),
  matmul_scale: positive()
    .default(1)
    .describe('Factor on matrix products, as routesim calibrate finds it.'),
  attention_scale: positive().default(1).describe('Factor on attention.'),
  overhead_scale: notNegative()
    .default(1)
    .describe(
      'Factor on least durations of kernels, breaks between CUDA graphs, norms and activations.',
    ),
  communication_scale: notNegative()
    .default(1)
    .describe('Factor on what GPUs of a backend exchange.'),
})

const measured = table({
  kind: z.literal('table').describe('Step time interpolated in a table of measured steps.'),
  path: text().describe(
    'CSV with prefill_tokens, decode_requests, context_tokens (their mean) and step_ms, relative to the working directory or to the config file.',
  ),
})

const mocker = table({
  kind: z
    .literal('mocker')
    .describe("The polynomial of NVIDIA Dynamo's mock engine, for comparison with it."),
})

const KINDS = ['piecewise', 'affine', 'profile', 'roofline', 'table', 'mocker'] as const

/** How long engine steps take. */
export const computeModel = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !('kind' in value)
      ? { kind: 'piecewise', ...value }
      : value,
  z.discriminatedUnion('kind', [piecewise, affine, profile, roofline, measured, mocker], {
    error: ({ input }) => {
      const found = typeof input === 'object' && input !== null ? Reflect.get(input, 'kind') : input
      const words = KINDS.map((kind) => `"${kind}"`)
      return `expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, got ${show(found)}`
    },
  }),
)
