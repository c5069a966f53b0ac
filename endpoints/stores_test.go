package endpoints_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/endpoints"
)

// This test has a host for each vendor and each form: the region, "?" if the host does not name it,
// "none" if the host is not S3.
func TestInfer_Stores(t *testing.T) {
	tests := []struct{ host, want string }{
		{"0123456789abcdef.r2.cloudflarestorage.com", "auto"},
		{"0123456789abcdef.eu.r2.cloudflarestorage.com", "auto"},
		{"my.photos.0123456789abcdef.fedramp.r2.cloudflarestorage.com", "auto"},
		{"r2.cloudflarestorage.com", "unknown"},
		{"pub-0123456789abcdef.r2.dev", "none"},
		{"s3.us-west-004.backblazeb2.com", "us-west-004"},
		{"my.photos.s3.eu-central-003.backblazeb2.com", "eu-central-003"},
		{"api.backblazeb2.com", "none"},
		{"f001.backblazeb2.com", "none"},
		{"s3.wasabisys.com", "us-east-1"},
		{"photos.s3.wasabisys.com", "us-east-1"},
		{"my.photos.s3.eu-central-2.wasabisys.com", "eu-central-2"},
		{"iam.wasabisys.com", "unknown"},
		{"nyc3.digitaloceanspaces.com", "nyc3"},
		{"my.photos.fra1.digitaloceanspaces.com", "fra1"},
		{"photos.fra1.cdn.digitaloceanspaces.com", "none"},
		{"www.digitaloceanspaces.com", "unknown"},
		{"photos.s3.fr-par.scw.cloud", "fr-par"},
		{"photos.s3-website.fr-par.scw.cloud", "none"},
		{"k8s.fr-par.scw.cloud", "unknown"},
		{"photos.s3.gra.io.cloud.ovh.net", "gra"},
		{"s3.eu-west-par.io.cloud.ovh.net", "eu-west-par"},
		{"s3.us-east-va.io.cloud.ovh.us", "us-east-va"},
		{"l4g4.ch11.idrivee2-2.com", "?"},
		{"s3.us-west-1.idrivee2.com", "us-west-1"},
		{"storage.googleapis.com", "auto"},
		{"my.photos.storage.googleapis.com", "auto"},
		{"bigquery.googleapis.com", "unknown"},
		{"storage.cloud.google.com", "none"},
		{"axexample.compat.objectstorage.us-ashburn-1.oraclecloud.com", "us-ashburn-1"},
		{"axexample.compat.objectstorage.eu-frankfurt-1.oci.customer-oci.com", "eu-frankfurt-1"},
		{"photos.vhcompat.objectstorage.eu-frankfurt-1.oci.customer-oci.com", "eu-frankfurt-1"},
		{"objectstorage.us-ashburn-1.oraclecloud.com", "none"},
		{"s3.us-south.cloud-object-storage.appdomain.cloud", "us-south"},
		{"photos.s3.private.eu-de.cloud-object-storage.appdomain.cloud", "eu-de"},
		{"s3.dal.us.cloud-object-storage.appdomain.cloud", "us"},
		{"photos.s3.private.dal.us.cloud-object-storage.appdomain.cloud", "us"},
		{"photos.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"},
		{"s3.oss-eu-central-1.aliyuncs.com", "eu-central-1"},
		{"photos.s3.oss-cn-hangzhou-internal.aliyuncs.com", "cn-hangzhou"},
		{"photos.oss-accelerate.aliyuncs.com", "?"},
		{"ecs.cn-hangzhou.aliyuncs.com", "unknown"},
		{"photos-1250000000.cos.ap-guangzhou.myqcloud.com", "ap-guangzhou"},
		{"photos-1250000000.cos.accelerate.myqcloud.com", "?"},
		{"photos-1250000000.cos-website.ap-guangzhou.myqcloud.com", "none"},
		{"photos-1250000000.file.myqcloud.com", "none"},
		{"us-east-1.linodeobjects.com", "us-east-1"},
		{"my.photos.us-iad-10.linodeobjects.com", "us-iad-10"},
		{"photos.website-us-east-1.linodeobjects.com", "none"},
		{"photos.fsn1.your-objectstorage.com", "fsn1"},
		{"photos.ewr1.vultrobjects.com", "ewr1"},
		{"photos.sos-ch-gva-2.exo.io", "ch-gva-2"},
		{"photos.gateway.storjshare.io", "us-east-1"},
		{"gateway.eu1.storjshare.io", "us-east-1"},
		{"link.storjshare.io", "none"},
		{"fly.storage.tigris.dev", "auto"},
		{"my.photos.t3.storage.dev", "auto"},
		{"a1b2c.upcloudobjects.com", "?"},
		{"eu2.contabostorage.com", "default"},
		{"photos.s3.filebase.com", "us-east-1"},
		{"photos.s3.filebase.io", "auto"},
		{"photos.obs.cn-north-4.myhuaweicloud.com", "cn-north-4"},
		{"photos.storage.yandexcloud.net", "ru-central1"},
		{"s3.yandexcloud.net", "ru-central1"},
		{"photos.website.yandexcloud.net", "none"},
		{"s3-eu-central-1.ionoscloud.com", "de"},
		{"photos.s3-eu-south-2.ionoscloud.com", "eu-south-2"},
		{"oos.eu-west-2.outscale.com", "eu-west-2"},
		{"s3.ru-1.storage.selcloud.ru", "ru-1"},
		{"s3.eu-luxembourg-1.megas4.com", "eu-luxembourg-1"},
		{"objects-us-east-1.dream.io", "us-east-1"},
		{"us-east.object.fastlystorage.app", "us-east"},
		{"br-se1.magaluobjects.com", "br-se1"},
		{"s3-cn-east-1.qiniucs.com", "cn-east-1"},
		{"s3.petabox.io", "us-east-1"},
		{"s3.me-south-1.petabox.io", "me-south-1"},
		{"eu-central-2.storage.impossibleapi.net", "eu-central-2"},
		{"eu-001.s3.synologyc2.net", "eu-001"},
		{"s3.us-west-1.acme.lyve.seagate.com", "us-west-1"},
		{"s3.cubbit.eu", "eu-west-1"},
		{"photos.storage.europe-west3.rep.googleapis.com", "auto"},
		{"obs.eu-de.otc.t-systems.com", "eu-de"},
		{"photos.s3.bj.bcebos.com", "bj"},
		{"photos.tos-s3-cn-beijing.volces.com", "cn-beijing"},
		{"s3-hk.ufileos.com", "hk"},
		{"storage.eu-north1.nebius.cloud", "eu-north1"},
		{"photos.object.storage.eu01.onstackit.cloud", "eu01"},
		{"objectstore.lon1.civo.com", "lon1"},
		{"s3.pub1.infomaniak.cloud", "us-east-1"},
		{"s3.ir-thr-at1.arvanstorage.ir", "ir-thr-at1"},

		{"PHOTOS.NYC3.DigitalOceanSpaces.com.:443", "nyc3"},
		{"nyc3.digitaloceanspaces.com.example.org", "unknown"},
		{"nyc3.notdigitaloceanspaces.com", "unknown"},
		{"sos-.exo.io", "unknown"},
		{"account.blob.core.windows.net", "unknown"},
		{"minio.example.com", "unknown"},
	}
	for _, tt := range tests {
		s, err := endpoints.Infer(tt.host, "/photos/cat.jpg")
		got := s.Region
		var r *endpoints.InferError
		if errors.As(err, &r) {
			got = map[endpoints.Kind]string{endpoints.NotAWS: "unknown", endpoints.NoSigV4: "none", endpoints.Ambiguous: "?"}[r.Kind]
		}
		if got != tt.want {
			t.Errorf("region of %q = %q, want %q", tt.host, got, tt.want)
		}
		switch {
		case err == nil && (s.Service != "s3" || s.Partition != "" || s.Algorithm != endpoints.SigV4 || s.Quirks != endpoints.QuirksOf("s3")):
			t.Errorf("Infer(%q) = %+v, want s3 in no partition, with its quirks", tt.host, s)
		case got == "?" && (r.Service != "s3" || r.Field != "region" || r.Partition != ""):
			t.Errorf("Infer(%q) = %+v, want an error that asks for the region of s3", tt.host, r)
		case got == "unknown" && !strings.Contains(r.Reason, "S3-compatible"):
			t.Errorf("Infer(%q) = %q, want it to mention stores", tt.host, r.Reason)
		}
	}
}
