// Countersign on Azure Functions, Flex Consumption. The same as azuredeploy.json, for infrastructure kept in Bicep.
// A test compares the parameters, resources, settings and outputs of the two files.

@description('Name of the function app, and therefore its address https://NAME.azurewebsites.net. It must be unique in all of Azure.')
@minLength(2)
@maxLength(60)
param appName string = 'countersign-${uniqueString(resourceGroup().id)}'

@description('Azure region of all resources. It must offer the Flex Consumption plan: az functionapp list-flexconsumption-locations.')
param location string = resourceGroup().location

@description('URL of countersign.zip, which Azure must be able to download. Leave it empty to upload the package yourself.')
param packageUri string = ''

@description('Name of the configuration file in the package, such as countersign.yaml, with profiles, callers and policies. The profile from roleArn, azureAudience and externalId is not created in that case.')
param configFile string = ''

@description('Allow requests to be sent from here, rather than only signed: the action Call AWS, and the proxy.')
param allowSend bool = false

@description('SHA-256 of the API key that callers send, as 64 hexadecimal digits. The key itself never reaches Azure.')
@minLength(64)
@maxLength(64)
param apiKeySha256 string

@description('AWS region of the profile: requests are signed for it if their URL names none, and sessions come from its STS.')
param awsRegion string = 'us-east-1'

@description('ARN of the AWS role to assume. Required with azure-identity; with access keys it may be empty, and requests are then signed with the keys themselves.')
param roleArn string = ''

@description('External ID that the role\'s trust policy requires. Only with access keys; leave it empty otherwise.')
param externalId string = ''

@description('Where the AWS credentials come from: azure-identity needs no AWS key at all, access-key keeps one in Key Vault.')
@allowed(['azure-identity', 'access-key'])
param credentialSource string = 'azure-identity'

@description('Application ID URI of the Entra application that is the audience in AWS. Only with azure-identity.')
param azureAudience string = 'api://countersign'

@description('Access key ID. Only with access-key.')
param awsAccessKeyId string = ''

@description('Secret access key. Only with access-key. It goes to Key Vault, and the app reads it from there.')
@secure()
param awsSecretAccessKey string = ''

@description('Sites whose pages may read the API description of the service, as the designers of Logic Apps and Power Automate do.')
param allowedOrigins array = [
  'https://portal.azure.com'
  'https://make.powerautomate.com'
  'https://make.powerapps.com'
]

@description('Instances that are always running, so that the first call after a pause does not wait several seconds. Each is billed around the clock.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@description('Maximum number of instances.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Memory of an instance in MB. Countersign needs little, but some regions of the plan offer no less.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Version of the Functions runtime stack \'custom\'.')
param runtimeVersion string = '1.0'

var token = toLower(uniqueString(resourceGroup().id, appName))
var containerName = 'packages'
var secretName = 'aws-secret-access-key'
var publicUrl = 'https://${appName}.azurewebsites.net'
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

var keySettings = {
  'azure-identity': {}
  'access-key': {
    AWS_ACCESS_KEY_ID: awsAccessKeyId
    AWS_SECRET_ACCESS_KEY: '@Microsoft.KeyVault(VaultName=${vault.name};SecretName=${secretName})'
  }
}

// Without a configuration file, settings define the only profile. With a file that has profiles, the program rejects them.
var profileSettings = {
  'azure-identity': {
    COUNTERSIGN_SOURCE: 'azure-identity'
    COUNTERSIGN_AZURE_AUDIENCE: azureAudience
    COUNTERSIGN_ROLE_ARN: roleArn
  }
  'access-key': {
    COUNTERSIGN_SOURCE: 'environment'
    COUNTERSIGN_EXTERNAL_ID: externalId
    COUNTERSIGN_ROLE_ARN: roleArn
  }
}

var fileSettings = {
  COUNTERSIGN_CONFIG: configFile
}

var sendSettings = allowSend ? { COUNTERSIGN_ALLOW_SEND: 'true' } : {}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${appName}'
  location: location
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: 'st${token}'
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: storage
  name: 'default'
  properties: {}
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: containerName
  properties: { publicAccess: 'None' }
}

resource storageRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identity.id, blobDataOwner)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${appName}'
  location: location
  properties: {
    retentionInDays: 30
    sku: { name: 'PerGB2018' }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${appName}'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
    DisableLocalAuth: true
  }
}

resource insightsRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identity.id, metricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: 'kv-${token}'
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
  }
}

resource vaultRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, secretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (credentialSource == 'access-key') {
  parent: vault
  name: secretName
  properties: {
    value: awsSecretAccessKey
    contentType: 'AWS secret access key of Countersign'
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${appName}'
  location: location
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: appName
  location: location
  kind: 'functionapp,linux'
  tags: { 'azd-service-name': 'countersign' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  dependsOn: [packages, storageRole, vaultRole]
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    siteConfig: {
      minTlsVersion: '1.2'
      cors: { allowedOrigins: allowedOrigins }
      apiDefinition: { url: '${publicUrl}/swagger.json' }
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${containerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReadyInstances == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyInstances
          }
        ]
      }
      runtime: {
        name: 'custom'
        version: runtimeVersion
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  dependsOn: [secret, insightsRole]
  properties: union(keySettings[credentialSource], empty(configFile) ? profileSettings[credentialSource] : fileSettings, sendSettings, {
    // Otherwise / may show the host's welcome page instead of the service's response.
    AzureWebJobsDisableHomepage: 'true'
    AzureWebJobsStorage__accountName: storage.name
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identity.properties.clientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
    AZURE_CLIENT_ID: identity.properties.clientId
    AWS_REGION: awsRegion
    COUNTERSIGN_API_KEY_SHA256: apiKeySha256
    COUNTERSIGN_PUBLIC_URL: publicUrl
  })
}

resource deployment 'Microsoft.Web/sites/extensions@2022-09-01' = if (!empty(packageUri)) {
  parent: app
  name: 'onedeploy'
  dependsOn: [settings]
  properties: {
    packageUri: packageUri
    remoteBuild: false
  }
}

@description('Address of the service, for the HTTP actions and connections that call it.')
output url string = publicUrl

@description('API description of the service, to import into tools that ask for one.')
output swaggerUrl string = '${publicUrl}/swagger.json'

@description('Name of the function app, for commands that upload the package.')
output appName string = appName

@description('With azure-identity: the provider URL to enter in AWS IAM, with its trailing slash.')
output oidcProviderUrl string = 'https://sts.windows.net/${subscription().tenantId}/'

@description('With azure-identity: the subject that the role\'s trust policy must name.')
output identityObjectId string = identity.properties.principalId
