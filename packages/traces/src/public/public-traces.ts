/** A trace that its authors have published. */
export interface PublicTrace {
  /** `collection:trace`, as commands take it in the place of a path. */
  readonly name: string
  /** One sentence. */
  readonly description: string
  readonly url: string
  /** Absent where the publisher does not say it. */
  readonly bytes?: number
  /** SHA-256 of the file, in hexadecimal; absent where nobody has published it. */
  readonly sha256?: string
  /** How the file begins, where there is no SHA-256 to tell it from another. */
  readonly begins?: string
  readonly licence: string
}

const MOONCAKE =
  'https://raw.githubusercontent.com/kvcache-ai/Mooncake/3b5a594133958449a1feaf1c9e0fc1b553e34a28/FAST25-release/traces'
// Large files of these repositories are served from here; their size and hash stand in the pointer files.
const BAILIAN =
  'https://media.githubusercontent.com/media/alibaba-edu/qwen-bailian-usagetraces-anon/0b4273a1d8a83935b9d9356e78f95c31f2ac64cf'
const BURSTGPT = 'https://media.githubusercontent.com/media/HPMLL/BurstGPT'
const BURSTGPT_LICENCE = 'as stated at https://github.com/HPMLL/BurstGPT'

const AZURE_2023 =
  'https://raw.githubusercontent.com/Azure/AzurePublicDataset/b469a113cedca53ddc3bdea71a143dc4b7d8700c/data'
const AZURE_2024 = 'https://azurepublicdatasettraces.blob.core.windows.net/azurellminfererencetrace'
const AZURE_BEGINS = 'TIMESTAMP,ContextTokens,GeneratedTokens'

/** The public traces that can be pulled by name. */
export const PUBLIC_TRACES: readonly PublicTrace[] = [
  {
    name: 'mooncake:conversation',
    description: 'Chat of Kimi, an hour: 12,031 requests with hashes of 512-token blocks',
    url: `${MOONCAKE}/conversation_trace.jsonl`,
    bytes: 3_029_533,
    sha256: 'b8cbb061a85206d729d91cdc2981f43c9e0d99209dce588d3af5f7934408b9df',
    licence: 'Apache-2.0',
  },
  {
    name: 'azure:2023-conv',
    description: 'Conversation on Azure, an hour of 2023: 19,366 arrivals and lengths',
    url: `${AZURE_2023}/AzureLLMInferenceTrace_conv.csv`,
    begins: AZURE_BEGINS,
    licence: 'CC-BY-4.0',
  },
  {
    name: 'azure:2023-code',
    description: 'Code completion on Azure, an hour of 2023: 8,819 arrivals and lengths',
    url: `${AZURE_2023}/AzureLLMInferenceTrace_code.csv`,
    begins: AZURE_BEGINS,
    licence: 'CC-BY-4.0',
  },
  {
    name: 'azure:2024-conv',
    description: 'Conversation on Azure, nine days of 2024: arrivals and lengths, a large file',
    url: `${AZURE_2024}/AzureLLMInferenceTrace_conv_1week.csv`,
    begins: AZURE_BEGINS,
    licence: 'CC-BY-4.0',
  },
  {
    name: 'azure:2024-code',
    description: 'Code completion on Azure, nine days of 2024: arrivals and lengths, a large file',
    url: `${AZURE_2024}/AzureLLMInferenceTrace_code_1week.csv`,
    begins: AZURE_BEGINS,
    licence: 'CC-BY-4.0',
  },
  {
    name: 'bailian:coder',
    description: 'Coding on Qwen at Alibaba Cloud, with hashes of 16-token blocks',
    url: `${BAILIAN}/qwen_coder_blksz_16.jsonl`,
    bytes: 132_054_902,
    sha256: '3d74974cebb7bccb69b1ca6ea210a44d9a3033443c0271ed015327284dea1aff',
    licence: 'Apache-2.0',
  },
  {
    name: 'bailian:thinking',
    description: 'A reasoning model at Alibaba Cloud, with hashes of 16-token blocks',
    url: `${BAILIAN}/qwen_thinking_blksz_16.jsonl`,
    bytes: 27_901_454,
    sha256: '41ac36d9d1b54d084eeb6b05e9d142ba9d02f8bf79cfc9fff418d8ab7cdee906',
    licence: 'Apache-2.0',
  },
  {
    name: 'burstgpt:1',
    description: 'ChatGPT and GPT-4 on Azure, the first two months: 1.4 million lengths',
    url: `${BURSTGPT}/5d93d820d9b6bee4e26914df003e5713538164ae/data/BurstGPT_without_fails_1.csv`,
    bytes: 51_429_517,
    sha256: 'a4d068a7113ec0290e74063a1b3447dc6001a30e4298eb313581b71006dda1f4',
    licence: BURSTGPT_LICENCE,
  },
  {
    name: 'burstgpt:2',
    description: 'ChatGPT and GPT-4 on Azure, the second two months: 3.8 million lengths',
    url: `${BURSTGPT}/1f52bc81aab7392cc30cc10b244396d9480b245d/data/BurstGPT_without_fails_2.csv`,
    bytes: 142_376_815,
    sha256: '56193aa9b2bb26128ded43d2d29a960df6bf5af062bcfc9b005f3fcaa4e6e501',
    licence: BURSTGPT_LICENCE,
  },
]
